#include "stage/stager.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "stage/hub_blob.h"
#include "stage/journal.h"
#include "stage/part.h"
#include "stage/publication.h"
#include "unit/stage/staging.h"

namespace coldload::stage {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t k_small = (1 << 20) + 12345;  // O_DIRECT is tried from 1 MiB on
constexpr double k_slow_enough_to_be_seen = 2e6;
constexpr std::size_t k_two_chunks_and_more = 2 * k_chunk_bytes + 12345;

class Stage : public Staging {
 protected:
  void SetUp() override {
    Staging::SetUp();
    write("src/model.safetensors", some_bytes(k_small));
    write("src/config.json", "{}");
    write("src/empty", "");
    write("src/adapters/a.bin", some_bytes(1000, 1));
    request_.source = at("src");
    request_.destination = at("dst");
    request_.jobs = 4;
  }

  // Chunks take time under sanitizers: for the tests that are about them.
  void make_it_large() const { write("src/model.safetensors", some_bytes(k_two_chunks_and_more)); }

  [[nodiscard]] VerifyOutcome verify(bool of_source = false) const {
    return verify_staged(at("dst"), of_source, 4, {});
  }
  void expect_copy() const {
    for (const char* name : {"model.safetensors", "config.json", "empty", "adapters/a.bin"}) {
      EXPECT_TRUE(read("src/" + std::string(name)) == read("dst/" + std::string(name))) << name;
      EXPECT_EQ(fs::last_write_time(at("src/") + name), fs::last_write_time(at("dst/") + name));
    }
    EXPECT_FALSE(fs::exists(at(".dst.coldload-part")));
  }
};

TEST_F(Stage, CopiesEverythingAndLeavesNothingElse) {
  const StageResult result = run();
  expect_copy();
  EXPECT_EQ(result.copied_bytes, k_small + 1002);
  EXPECT_EQ(result.files, 4U);
  EXPECT_FALSE(result.up_to_date);
  EXPECT_THAT(verify().problems, IsEmpty());
  EXPECT_THAT(verify(true).problems, IsEmpty());
  EXPECT_EQ(verify().bytes, result.bytes);
  EXPECT_TRUE(run().up_to_date);
}

TEST_F(Stage, GoesOnWhereAnEarlierCopyStopped) {
  make_it_large();
  const Place place = place_of(at("dst"));
  const SourceTree tree = scan_tree(at("src"));
  {
    const auto lock = PlaceLock::try_take(place);
    Journal journal = Journal::open(lock->part(), tree);
    const std::string bytes = read("src/model.safetensors");
    std::string left = bytes;
    left[k_chunk_bytes + 5] ^= 1;  // the second chunk is not what the journal says
    write(".dst.coldload-part/data/model.safetensors", left);
    for (std::size_t chunk = 0; chunk < 2; ++chunk) {
      const auto part = std::span(bytes).subspan(chunk * k_chunk_bytes, k_chunk_bytes);
      journal.add({3, chunk, hash_of(std::as_bytes(part))});
    }
  }
  ASSERT_EQ(tree.files[3].name, "model.safetensors");
  const StageResult result = run();
  expect_copy();
  EXPECT_EQ(result.resumed_bytes, k_chunk_bytes);
  EXPECT_EQ(result.copied_bytes, k_two_chunks_and_more + 1002 - k_chunk_bytes);
  EXPECT_THAT(verify().problems, IsEmpty());
}

TEST_F(Stage, ACopyStartsAnewWhereTheSourceIsAnother) {
  {
    const Place place = place_of(at("dst"));
    const auto lock = PlaceLock::try_take(place);
    (void)Journal::open(lock->part(), scan_tree(at("src")));
    write(".dst.coldload-part/data/gone", "x");
  }
  write("src/config.json", "{\"a\": 1}");
  (void)run();
  expect_copy();
  EXPECT_FALSE(fs::exists(at("dst/gone")));
}

TEST_F(Stage, AForeignDestinationIsLeftAlone) {
  write("dst/precious", "x");
  EXPECT_THAT(refusal(), HasSubstr("was not staged by coldload"));
  EXPECT_EQ(read("dst/precious"), "x");
  EXPECT_FALSE(fs::exists(at(".dst.coldload-part")));
}

TEST_F(Stage, AnOutdatedOrChangedDestinationIsRefusedAndReplaced) {
  (void)run();
  write("src/config.json", "{\"new\": 1}");
  EXPECT_THAT(refusal(),
              HasSubstr("outdated: in the source, config.json has 10 bytes instead of 2"));
  EXPECT_EQ(read("dst/config.json"), "{}");
  request_.replace = true;
  EXPECT_FALSE(run().up_to_date);
  expect_copy();
  EXPECT_TRUE(run().up_to_date);
  request_.replace = false;
  write("dst/config.json", "{\"old\": 1}");
  EXPECT_THAT(refusal(), HasSubstr("changed since it was staged: config.json"));
  fs::create_symlink("/nowhere", at("dst/link"));
  EXPECT_THAT(refusal(), HasSubstr("changed since it was staged: link is a link"));
}

TEST_F(Stage, VerifyFindsWhatIsWrong) {
  make_it_large();
  (void)run();
  {
    std::fstream file(at("dst/model.safetensors"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(k_chunk_bytes + 7);
    file.put('!');
  }
  fs::remove(at("dst/empty"));
  write("dst/adapters/a.bin", "short");
  write("dst/new", "x");
  const VerifyOutcome outcome = verify();
  EXPECT_THAT(outcome.problems,
              ElementsAre(HasSubstr("a.bin has 5 bytes instead of 1000"),
                          HasSubstr("model.safetensors has other bytes than were staged, between "
                                    "offset 16777216 and 33554432"),
                          HasSubstr("empty")));
  EXPECT_THAT(outcome.unknown, ElementsAre("new"));
  EXPECT_THAT(verify(true).problems, IsEmpty());
}

TEST_F(Stage, WithoutAManifestNothingCanBeVerified) {
  write("dst/a", "x");
  EXPECT_THROW((void)verify(), os::Error);
}

// A manifest describes the directory that was staged, not whatever else comes to its place.
TEST_F(Stage, AnotherDirectoryOfTheSameLooksIsNotCertified) {
  (void)run();
  fs::rename(at("dst"), at("away"));
  fs::copy(at("away"), at("dst"), fs::copy_options::recursive);
  for (const char* name : {"model.safetensors", "config.json", "empty", "adapters/a.bin"}) {
    fs::last_write_time(at("dst/") + name, fs::last_write_time(at("away/") + name));
  }
  EXPECT_THAT(refusal(), HasSubstr("not the directory that its manifest describes"));
}

TEST_F(Stage, ADestinationThatComesMeanwhileIsNeitherTouchedNorCertified) {
  const auto lock = PlaceLock::try_take(place_of(at("dst")));
  write(".dst.coldload-part/data/a", "x");
  write("dst/a", "x");
  EXPECT_THROW(publish(place_of(at("dst")), *lock), os::Error);
  EXPECT_EQ(read("dst/a"), "x");
}

TEST_F(Stage, APartThatIsNoDirectoryIsNotFollowed) {
  write("elsewhere/precious", "x");
  fs::create_symlink(at("elsewhere"), at(".dst.coldload-part"));
  EXPECT_THAT(refusal(), HasSubstr("is no directory: remove it"));
  EXPECT_EQ(read("elsewhere/precious"), "x");
  fs::remove(at(".dst.coldload-part"));
  fs::create_symlink(at("nowhere"), at(".dst.coldload-part"));
  EXPECT_THAT(refusal(), HasSubstr("is no directory: remove it"));
}

TEST_F(Stage, WhatAnotherCopyLeftWithoutAJournalIsNotPublished) {
  write(".dst.coldload-part/lock", "");
  write(".dst.coldload-part/data/stray", "x");
  (void)run();
  expect_copy();
  EXPECT_FALSE(fs::exists(at("dst/stray")));
}

TEST_F(Stage, TimesThatTheCopyCannotCarryAreNoChange) {
  (void)run();
  std::string text = read("dst.coldload.json");
  // As a file system of whole seconds would have it.
  const auto whole = std::chrono::floor<std::chrono::seconds>(fs::last_write_time(at("dst/empty")));
  fs::last_write_time(at("dst/empty"), whole);
  EXPECT_THAT(refusal(), HasSubstr("changed since it was staged: empty was written"));
  const std::size_t entry = text.find("\"name\":\"empty\"");
  const std::size_t at_time = text.find("\"staged_mtime_ns\":", entry) + 18;
  text.replace(text.find_first_of(",}", at_time) - 9, 9, "000000000");
  write("dst.coldload.json", text);
  EXPECT_TRUE(run().up_to_date);
}

TEST_F(Stage, AManifestThatCannotBeReadIsReplaced) {
  (void)run();
  write("dst.coldload.json", "{");
  EXPECT_THAT(refusal(), HasSubstr("is not a manifest of coldload"));
  request_.replace = true;
  (void)run();
  expect_copy();
}

TEST_F(Stage, AFileThatIsNoManifestOfOursIsNotReplacedByOne) {
  for (const char* text : {"", "{\"name\": \"somebody's\"}", "{\"coldload_manifest\": 2}"}) {
    write("dst.coldload.json", text);
    EXPECT_THAT(refusal(), AllOf(HasSubstr("cannot stage to " + at("dst")),
                                 HasSubstr("dst.coldload.json "), HasSubstr("move it away")));
    EXPECT_EQ(read("dst.coldload.json"), text);
    EXPECT_FALSE(fs::exists(at("dst")));
    EXPECT_FALSE(fs::exists(at(".dst.coldload-part")));
  }
  // Before it removes what is older, too.
  request_.destination = at("older");
  (void)run();
  request_.destination = at("dst");
  request_.keep = 1;
  EXPECT_THAT(refusal(), HasSubstr("move it away"));
  EXPECT_TRUE(fs::exists(at("older")));
}

TEST_F(Stage, TheManifestOfACopyThatIsGoneIsReplaced) {
  (void)run();
  fs::remove_all(at("dst"));
  EXPECT_FALSE(run().up_to_date);
  expect_copy();
}

TEST_F(Stage, AFileThatComesToTheManifestsPlaceMeanwhileIsNotReplaced) {
  request_.limit_bytes_per_s = k_slow_enough_to_be_seen;
  EXPECT_THAT(refusal_of([&](const CopyProgress&) { write("dst.coldload.json", "theirs"); }),
              HasSubstr("move it away"));
  EXPECT_EQ(read("dst.coldload.json"), "theirs");
  EXPECT_FALSE(fs::exists(at("dst")));
}

TEST_F(Stage, AParentThatIsMovedMeanwhileHasNoCopyWhereItIsLookedFor) {
  request_.limit_bytes_per_s = k_slow_enough_to_be_seen;
  fs::create_directory(at("disk"));
  request_.destination = at("disk/dst");
  EXPECT_THAT(refusal_of([&](const CopyProgress&) {
                if (fs::exists(at("disk"))) fs::rename(at("disk"), at("elsewhere"));
              }),
              AllOf(HasSubstr(at("disk") + " is no longer the directory"),
                    HasSubstr("unmounted, or it was moved"), HasSubstr("stage again")));
  EXPECT_TRUE(fs::is_empty(at("elsewhere")));
}

TEST_F(Stage, OneAtATime) {
  const auto lock = PlaceLock::try_take(place_of(at("dst")));
  EXPECT_THAT(refusal(), HasSubstr("another coldload is staging"));
}

TEST_F(Stage, WaitsForTheOtherOne) {
  auto other = PlaceLock::try_take(place_of(at("dst")));
  request_.wait = true;
  std::atomic<bool> waited{false};
  StageResult result;
  std::thread second([&] {
    result = stage(request_, {[&](const std::string& step) {
                                if (step.find("waiting") == 0) waited = true;
                              },
                              [](const CopyProgress&) {}});
  });
  while (!waited) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  other->remove_part();
  other.reset();
  second.join();
  expect_copy();
}

TEST_F(Stage, NestedPathsAreRefused) {
  request_.destination = at("src/dst");
  EXPECT_THAT(refusal(), HasSubstr("one lies in the other"));
  request_.source = at("src/adapters");
  request_.destination = at("src");
  EXPECT_THAT(refusal(), HasSubstr("one lies in the other"));
}

TEST_F(Stage, TheParentMustBeThere) {
  request_.destination = at("not-mounted/dst");
  EXPECT_THAT(refusal(), HasSubstr("is the disk mounted?"));
}

TEST_F(Stage, MoreThanFitsIsRefusedBeforeAnyByte) {
  fs::resize_file(at("src/model.safetensors"), std::uintmax_t{1} << 43);  // sparse
  EXPECT_THAT(refusal(), HasSubstr("8.80 TB more are needed, "));
  EXPECT_FALSE(fs::exists(at("dst")));
  EXPECT_FALSE(fs::exists(at(".dst.coldload-part")));
}

TEST_F(Stage, TheLimitHoldsItBack) {
  make_it_large();
  request_.limit_bytes_per_s = 100e6;
  EXPECT_GE(run().copy_s, (k_two_chunks_and_more - 10e6) / 100e6);
  expect_copy();
}

TEST_F(Stage, EvictedAfterwardsNothingIsInMemory) {
  request_.evict_after = true;
  EXPECT_EQ(run().resident_bytes, 0U);
}

TEST_F(Stage, KeepsTheNewestAndOnlyTouchesItsOwn) {
  const auto stage_to = [&](const std::string& name) {
    request_.destination = at(name);
    const StageResult result = run();
    // Manifests tell the time to the second.
    std::string text = read(name + ".coldload.json");
    const std::size_t at_time = text.find("\"staged_at\":\"") + 13;
    text.replace(at_time, 4, "20" + name.substr(1));
    write(name + ".coldload.json", text);
    return result;
  };
  for (const char* name : {"m01", "m02", "m03", "m04"}) (void)stage_to(name);
  write("m02/users-own", "x");
  write("foreign/a", "x");
  request_.keep = 2;
  const StageResult result = stage_to("m05");
  EXPECT_THAT(result.removed, ElementsAre(HasSubstr("m03"), HasSubstr("m01")));
  EXPECT_THAT(
      result.remarks,
      ElementsAre(HasSubstr("m02 stays: it was changed since it was staged: users-own is new")));
  EXPECT_TRUE(fs::exists(at("m04/model.safetensors")));
  EXPECT_TRUE(fs::exists(at("m05/model.safetensors")));
  EXPECT_TRUE(fs::exists(at("m02/model.safetensors")));
  EXPECT_TRUE(fs::exists(at("foreign/a")));
  EXPECT_FALSE(fs::exists(at("m01.coldload.json")));
  EXPECT_FALSE(fs::exists(at(".m01.coldload-part")));
}

// As a kill left it, in the middle.
TEST_F(Stage, ARemovalThatHasBegunComesToItsEnd) {
  write(".m.coldload-part/lock", "");
  write(".m.coldload-part/trash/model.safetensors", "x");
  write("m.coldload.json", "{}");
  write(".n.coldload-part/lock", "");
  write(".n.coldload-part/data/model.safetensors", "x");
  request_.keep = 1;
  (void)run();
  EXPECT_FALSE(fs::exists(at(".m.coldload-part")));
  EXPECT_FALSE(fs::exists(at("m.coldload.json")));
  EXPECT_TRUE(fs::exists(at(".n.coldload-part/data/model.safetensors")));
}

// The SHA-256 of "{}" is known; that of the model is not.
TEST_F(Stage, ABlobIsHeldAgainstItsName) {
  const std::string sha = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  EXPECT_EQ(sha256_of(os::open_regular(at("src/config.json"))), sha);
  write("repo/blobs/" + sha, "{}");
  fs::create_directories(at("repo/snapshots/rev"));
  fs::create_symlink("../../blobs/" + sha, at("repo/snapshots/rev/config.json"));
  request_.source = at("repo/snapshots/rev");
  request_.verify_hub = true;
  EXPECT_EQ(run().hub_checked, 1U);
  EXPECT_FALSE(fs::is_symlink(at("dst/config.json")));
  write("repo/blobs/" + sha, "[]");
  request_.destination = at("other");
  EXPECT_THAT(refusal(),
              HasSubstr("the source is not what the hub delivered: config.json has the SHA-256"));
  EXPECT_FALSE(fs::exists(at("other")));
}

// The same copy serves whoever asks for less of it.
TEST_F(Stage, ACopyThatHoldsMoreThanIsAskedForIsUpToDateAsLongAsAllOfItIs) {
  write("src/original/a.pth", "12345");
  (void)run();
  request_.what.selection.leave_out = {"original/"};
  StageResult result = run();
  EXPECT_TRUE(result.up_to_date);
  EXPECT_EQ(result.files, 5U);
  EXPECT_EQ(result.left_out.files, 0U);
  EXPECT_EQ(look_at_copy(at("src"), request_.what, at("dst")).found, Found::up_to_date);
  write("src/original/a.pth", "123456");
  EXPECT_THAT(refusal(), HasSubstr("original/a.pth has 6 bytes instead of 5"));
  request_.replace = true;
  result = run();
  EXPECT_EQ(result.left_out.bytes, 6U);
  EXPECT_FALSE(fs::exists(at("dst/original")));
  request_.what = {};
  EXPECT_EQ(look_at_copy(at("src"), {}, at("dst")).found, Found::other);
}

TEST_F(Stage, ASharedBlobIsHeldAgainstTheNameOfTheLinkToIt) {
  const std::string sha = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  write("hub/blobs/ab/abcd", "{}");
  fs::create_directories(at("hub/models--o--m/blobs"));
  fs::create_directories(at("hub/models--o--m/snapshots/rev"));
  fs::create_symlink("../../blobs/ab/abcd", at("hub/models--o--m/blobs/" + sha));
  fs::create_symlink("../../blobs/" + sha, at("hub/models--o--m/snapshots/rev/config.json"));
  request_.source = at("hub/models--o--m/snapshots/rev");
  request_.verify_hub = true;
  EXPECT_EQ(run().hub_checked, 1U);
  write("hub/blobs/ab/abcd", "[]");
  request_.destination = at("other");
  EXPECT_THAT(refusal(), HasSubstr("config.json has the SHA-256"));
}

// In a process of its own: the flag that a signal sets is the process's.
class StageDeathTest : public Stage {
 protected:
  // 3 where the copy says that it was interrupted, by a signal that comes with its first step.
  [[noreturn]] void exit_interrupted_at_first_step() const {
    os::install_interrupt_handler();
    const auto interrupt = [](const std::string&) { std::raise(SIGINT); };
    std::_Exit(stage(request_, {interrupt, [](const CopyProgress&) {}}).interrupted ? 3 : 4);
  }
  void make_it_a_hubs() {
    const std::string sha = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    write("repo/blobs/" + sha, "{}");
    fs::create_directories(at("repo/snapshots/rev"));
    fs::create_symlink("../../blobs/" + sha, at("repo/snapshots/rev/config.json"));
    request_.source = at("repo/snapshots/rev");
    request_.verify_hub = true;
  }
};

TEST_F(StageDeathTest, InterruptedBeforeItBeginsItLeavesNothing) {
  const auto interrupted_at_once = [this] {
    os::install_interrupt_handler();
    std::raise(SIGTERM);
    std::_Exit(run().interrupted ? 3 : 4);
  };
  EXPECT_EXIT(interrupted_at_once(), testing::ExitedWithCode(3), "");
  EXPECT_FALSE(fs::exists(at(".dst.coldload-part")));
}

TEST_F(StageDeathTest, InterruptedWithAllCopiedItGoesOnThere) {
  make_it_a_hubs();
  EXPECT_EXIT(exit_interrupted_at_first_step(), testing::ExitedWithCode(3), "");
  EXPECT_FALSE(fs::exists(at("dst")));
  EXPECT_EQ(run().resumed_bytes, 2U);
}

TEST_F(StageDeathTest, ACheckThatWasInterruptedSaysNothingOfWhatIsThere) {
  make_it_a_hubs();
  (void)run();
  EXPECT_EXIT(exit_interrupted_at_first_step(), testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace coldload::stage
