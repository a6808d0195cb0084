#include "model/hub_cache.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/checkpoint.h"
#include "unit/model/scratch.h"

namespace coldload::model {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HubCache : public ::testing::Test {
 protected:
  // Snapshots "a" and "b" with weights, and "small" with a config alone.
  void SetUp() override {
    for (const char* directory : {"blobs", "refs", "snapshots"}) {
      fs::create_directories(scratch_.path(std::string("hub/models--org--m/") + directory));
    }
    scratch_.write("hub/models--org--m/blobs/f00", one_tensor());
  }
  void add_snapshot(const std::string& name, bool with_weights = true) const {
    const std::string snapshot = "hub/models--org--m/snapshots/" + name;
    scratch_.make_directory(snapshot);
    scratch_.write(snapshot + "/config.json", "{}");
    if (with_weights) scratch_.link("../../blobs/f00", snapshot + "/model.safetensors");
  }
  void set_main(const std::string& text) const {
    scratch_.write("hub/models--org--m/refs/main", text);
  }
  [[nodiscard]] std::string repository() const { return scratch_.path("hub/models--org--m"); }
  [[nodiscard]] std::string refusal(const std::string& path) const {
    return error_of([&] { static_cast<void>(open_checkpoint(path)); });
  }

  Scratch scratch_;
};

TEST_F(HubCache, ARepositoryStandsForWhatItsRefNames) {
  add_snapshot("a");
  add_snapshot("b");
  set_main("b");
  for (const std::string& path : {repository(), repository() + "/", repository() + "/snapshots"}) {
    EXPECT_EQ(open_checkpoint(path).path, repository() + "/snapshots/b");
  }
  EXPECT_EQ(open_checkpoint(repository()).name, "m");
  EXPECT_TRUE(open_checkpoint(repository()).remarks.empty());
}

TEST_F(HubCache, AnEndOfLineInTheRefIsNoPartOfItButMentioned) {
  add_snapshot("a");
  add_snapshot("b");
  set_main("a\n");
  const Checkpoint checkpoint = open_checkpoint(repository());
  EXPECT_EQ(checkpoint.path, repository() + "/snapshots/a");
  ASSERT_EQ(checkpoint.remarks.size(), 1U);
  EXPECT_THAT(checkpoint.remarks[0], HasSubstr("refs/main"));
}

TEST_F(HubCache, WithoutARefTheOnlySnapshotIsMeantAndOfSeveralNone) {
  add_snapshot("a");
  EXPECT_EQ(open_checkpoint(repository()).path, repository() + "/snapshots/a");
  add_snapshot("b");
  EXPECT_THAT(refusal(repository()), AllOf(HasSubstr("no refs/main and 2 snapshots"),
                                           HasSubstr("/snapshots/a"), HasSubstr("/snapshots/b")));
}

TEST_F(HubCache, ARefToWhatIsNotThereIsRefusedWithWhatIs) {
  add_snapshot("a");
  set_main("c");
  EXPECT_THAT(refusal(repository()),
              AllOf(HasSubstr("\"c\", which is not there"), HasSubstr("/snapshots/a")));
  set_main("../../..");
  EXPECT_THAT(refusal(repository()), HasSubstr("which is not there"));
}

TEST_F(HubCache, ARefToASnapshotWithoutWeightsNamesTheOtherAndNeverTakesIt) {
  add_snapshot("a");
  add_snapshot("small", false);
  set_main("small");
  EXPECT_THAT(refusal(repository()),
              AllOf(HasSubstr("small, which holds no weights"), HasSubstr("/snapshots/a"),
                    Not(HasSubstr("/snapshots/small,"))));
}

TEST_F(HubCache, ADownloadThatIsNotCompleteIsSaidToBeOne) {
  EXPECT_THAT(refusal(repository()), HasSubstr("the download is not complete"));
}

TEST_F(HubCache, ACacheIsRefusedWithItsModels) {
  add_snapshot("a");
  EXPECT_THAT(refusal(scratch_.path("hub")),
              AllOf(HasSubstr("it is a hub cache"), HasSubstr("hub/models--org--m")));
}

TEST_F(HubCache, AnyOtherDirectoryStandsForItself) {
  scratch_.make_directory("model");
  scratch_.make_directory("model/snapshots");
  EXPECT_FALSE(hub_snapshot(scratch_.path("model")));
  EXPECT_FALSE(hub_snapshot(scratch_.path("missing")));
}

}  // namespace
}  // namespace coldload::model
