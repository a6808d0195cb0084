#include "stage/publication.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/error.h"
#include "stage/part.h"
#include "stage/stager.h"
#include "unit/stage/scratch.h"

namespace {

std::atomic<bool> has_no_flags{false};  // as many FUSE daemons and older network file systems

}  // namespace

// In place of the C library's, for this whole program.
extern "C" int renameat2(int from, const char* name, int to, const char* new_name,
                         unsigned flags) noexcept {
  if (has_no_flags && flags != 0) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_renameat2, from, name, to, new_name, flags));
}

namespace coldload::stage {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A directory that is to go at the first look, and is to stay at the second.
class ToStayAfterAll : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    write("m/precious", "x");
    write("m.coldload.json", "{}");
  }
  void TearDown() override {
    has_no_flags = false;
    Scratch::TearDown();
  }
  [[nodiscard]] Place place() const { return place_of(at("m")); }
  // What removing it says, with `meanwhile` done before the second look is over.
  [[nodiscard]] std::string remove(const std::function<void()>& meanwhile) const {
    auto lock = PlaceLock::try_take(place());
    int looks = 0;
    std::string said;
    try {
      said = remove_destination(place(), *lock, [&](const os::Directory&) -> std::string {
        if (++looks == 1) return "";
        meanwhile();
        return "it has another file";
      });
    } catch (const os::Error& error) {
      said = error.what();
    }
    lock->remove_part();
    return said;
  }
  [[nodiscard]] std::string taken() const { return ".m.coldload-part/taken/precious"; }
};

TEST_F(ToStayAfterAll, IsPutBackAlsoWhereRenamesHaveNoFlags) {
  for (const bool flagless : {false, true}) {
    has_no_flags = flagless;
    EXPECT_THAT(remove([] {}), HasSubstr("/m stays: it has another file"));
    EXPECT_EQ(read("m/precious"), "x");
    EXPECT_TRUE(fs::exists(at("m.coldload.json")));
    EXPECT_FALSE(fs::exists(at(".m.coldload-part")));
  }
}

TEST_F(ToStayAfterAll, LiesInThePartWhereItsPlaceIsTakenAndIsNeverRemoved) {
  for (const bool flagless : {false, true}) {
    has_no_flags = flagless;
    EXPECT_THAT(remove([&] { write("m/other", "y"); }),
                AllOf(HasSubstr("was to stay (it has another file), but it cannot be put back"),
                      HasSubstr("lies in " + place().part + "/taken")));
    EXPECT_EQ(read(taken()), "x");
    EXPECT_EQ(read("m/other"), "y");
    // Neither by another removal, nor by the next one to stage there.
    EXPECT_THAT(remove([] {}), HasSubstr("an earlier removal took is still in"));
    write("src/a", "a");
    StageRequest request;
    request.source = at("src");
    request.destination = at("m");
    request.replace = true;
    has_no_flags = false;
    const auto result = stage(request, {[](const std::string&) {}, [](const CopyProgress&) {}});
    EXPECT_THAT(result.remarks, ElementsAre(HasSubstr(place().part + "/taken")));
    // Nor by one that makes room beside it.
    request.destination = at("n");
    request.keep = 5;
    EXPECT_THAT(stage(request, {[](const std::string&) {}, [](const CopyProgress&) {}}).remarks,
                ElementsAre(HasSubstr(place().part + "/taken")));
    EXPECT_EQ(read("m/a"), "a");
    EXPECT_EQ(read(taken()), "x");
    // It is put back once its place is free.
    fs::remove_all(at("m"));
    EXPECT_THAT(stage(request, {[](const std::string&) {}, [](const CopyProgress&) {}}).remarks,
                IsEmpty());
    fs::remove_all(at("n"));
    EXPECT_THAT(stage(request, {[](const std::string&) {}, [](const CopyProgress&) {}}).remarks,
                IsEmpty());
    EXPECT_EQ(read("m/precious"), "x");
    EXPECT_FALSE(fs::exists(at(".m.coldload-part")));
    fs::remove_all(at("n"));
  }
}

TEST_F(ToStayAfterAll, IsPutBackWhereALookFails) {
  EXPECT_THAT(remove([] { throw os::Error("cannot be looked at"); }), "cannot be looked at");
  EXPECT_EQ(read("m/precious"), "x");
}

TEST_F(ToStayAfterAll, IsPutBackByTheNextOneIfTheFirstIsKilled) {
  write(".m.coldload-part/lock", "");
  fs::rename(at("m"), at(".m.coldload-part/taken"));
  write("src/a", "a");
  StageRequest request;
  request.source = at("src");
  request.destination = at("m");
  EXPECT_THROW((void)stage(request, {[](const std::string&) {}, [](const CopyProgress&) {}}),
               os::Error);  // is there, and something else
  EXPECT_EQ(read("m/precious"), "x");
  EXPECT_FALSE(fs::exists(at(".m.coldload-part")));
}

}  // namespace
}  // namespace coldload::stage
