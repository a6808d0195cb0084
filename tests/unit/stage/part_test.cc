#include "stage/part.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <limits>

#include <gmock/gmock.h>

#include "os/error.h"
#include "stage/journal.h"
#include "stage/publication.h"
#include "unit/stage/scratch.h"

namespace coldload::stage {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Part : public Scratch {
 protected:
  [[nodiscard]] Place place() const { return place_of(at("m")); }
};

TEST_F(Part, ThePlaceHasEverythingBesideTheDestination) {
  const Place here = place_of(at("m") + "/");
  EXPECT_EQ(here.destination, fs::canonical(folder_).string() + "/m");
  EXPECT_EQ(here.manifest, here.destination + ".coldload.json");
  EXPECT_EQ(here.part, fs::canonical(folder_).string() + "/.m.coldload-part");
  EXPECT_THROW((void)place_of(at("missing/m")), os::Error);
  for (const char* name : {"/", ".", "..", "/tmp/.."}) {
    EXPECT_THROW((void)place_of(name), os::Error) << name;
  }
  // ".." behind a link leads where the kernel says.
  fs::create_directories(at("far/x"));
  fs::create_symlink(at("far/x"), at("link"));
  EXPECT_EQ(place_of(at("link/../m")).destination, fs::canonical(folder_).string() + "/far/m");
}

TEST_F(Part, OneHasTheLockAtATime) {
  auto first = PlaceLock::try_take(place());
  ASSERT_TRUE(first);
  EXPECT_FALSE(PlaceLock::try_take(place()));
  first->remove_part();
  EXPECT_FALSE(fs::exists(place().part));
  EXPECT_TRUE(PlaceLock::try_take(place()));  // in a new directory, though the old lock is held
}

// Whatever instant the other one ends at, the part is made by coldload.
TEST_F(Part, AnOwnerThatEndsMeanwhileIsNoStranger) {
  constexpr int k_times = 3000;
  std::atomic<bool> goes_on{true};
  const auto take_and_remove = [&](int times) -> std::string {
    try {
      for (int i = 0; i < times && goes_on; ++i) {
        auto lock = PlaceLock::try_take(place());
        if (!lock) continue;
        (void)lock->part().create_file(k_part_journal, 0600);
        lock->remove_part();
      }
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  };
  auto other = std::async(std::launch::async, take_and_remove, std::numeric_limits<int>::max());
  EXPECT_EQ(take_and_remove(k_times), "");
  goes_on = false;
  EXPECT_EQ(other.get(), "");
}

TEST_F(Part, TheJournalRemembersWhatTheSameTreeHad) {
  write("src/a", std::string(100, 'x'));
  const SourceTree tree = scan_tree(at("src"));
  const auto lock = PlaceLock::try_take(place());
  const Hash hash{1, 2};
  {
    Journal journal = Journal::open(lock->part(), tree);
    EXPECT_TRUE(journal.found().empty());
    journal.add({0, 0, hash});
  }
  {
    // A crash cuts the last line; others are spoiled.
    std::ofstream file(place().part + "/journal", std::ios::app);
    file << "9 9 00000000000000010000000000000002\n0 5 00000000000000010000000000000002\nx\n0 0 00";
  }
  Journal journal = Journal::open(lock->part(), tree);
  ASSERT_EQ(journal.found().size(), 1U);
  EXPECT_EQ(journal.found()[0].hash, hash);
  journal.add({0, 0, {3, 4}});
  const Journal last = Journal::open(lock->part(), tree);
  ASSERT_EQ(last.found().size(), 2U);
  EXPECT_EQ(last.found()[1].hash, (Hash{3, 4}));
}

TEST_F(Part, AnotherTreesJournalAndDataGo) {
  write("src/a", "x");
  const auto lock = PlaceLock::try_take(place());
  Journal::open(lock->part(), scan_tree(at("src"))).add({0, 0, {}});
  write(".m.coldload-part/data/a", "x");
  write("src/a", "xy");
  EXPECT_TRUE(Journal::open(lock->part(), scan_tree(at("src"))).found().empty());
  EXPECT_FALSE(fs::exists(at(".m.coldload-part/data")));
}

TEST_F(Part, PublishingNeverReplaces) {
  const auto lock = PlaceLock::try_take(place());
  write(".m.coldload-part/data/a", "new");
  write("m/a", "old");
  EXPECT_THROW(publish(place(), *lock), os::Error);
  EXPECT_EQ(read("m/a"), "old");
  EXPECT_TRUE(can_exchange(*lock));
  publish_by_exchange(place(), *lock);
  EXPECT_EQ(read("m/a"), "new");
  EXPECT_EQ(read(".m.coldload-part/data/a"), "old");
}

}  // namespace
}  // namespace coldload::stage
