#include "measure/subject.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

// A target that is only spoken of.
class NoTarget : public Target {
 public:
  [[nodiscard]] std::string name() const override { return "none"; }
  [[nodiscard]] bool can_pace() const override { return true; }
  [[nodiscard]] std::vector<std::string> planned_argv(const std::string&) const override {
    return {};
  }
  [[nodiscard]] std::unique_ptr<Launched> launch(const LaunchRequest&) override {
    throw std::logic_error("nothing is launched here");
  }
};

class OfASubject : public ::testing::Test {
 protected:
  OfASubject() { arm_.facts.label = "net"; }
  [[nodiscard]] Subject of(TrialKind kind) { return {arm_, target_, kind, 1}; }

  Arm arm_;
  NoTarget target_;
};

TEST_F(OfASubject, TheLabelSaysHowWarmItStarts) {
  EXPECT_EQ(of(TrialKind::cold).storage_mode(), "net");
  EXPECT_EQ(of(TrialKind::warm).storage_mode(), "net_warm");
  EXPECT_EQ(of(TrialKind::warm_up).storage_mode(), "net");
}

TEST_F(OfASubject, DeeperLayersHaveLabelsOfTheirOwn) {
  EXPECT_EQ(of(TrialKind::node).storage_mode(), "net_node");
  EXPECT_EQ(of(TrialKind::first).storage_mode(), "net_first");
  EXPECT_EQ(of(TrialKind::first).trial_name(), "net_first");
}

TEST_F(OfASubject, OfACopyResidentAndJustCopiedAreTwoThings) {
  arm_.facts.label = "staged";
  arm_.facts.staged_from = "net";
  EXPECT_EQ(of(TrialKind::cold).storage_mode(), "staged");
  EXPECT_EQ(of(TrialKind::after_copy).storage_mode(), "staged_after_copy");
  EXPECT_EQ(of(TrialKind::warm).storage_mode(), "staged_hot");
}

TEST_F(OfASubject, NoUserMayGiveALabelThatEndsAsOneOfOurs) {
  for (const TrialKind kind :
       {TrialKind::warm, TrialKind::after_copy, TrialKind::node, TrialKind::first}) {
    const std::string mode = of(kind).storage_mode();
    ASSERT_NE(own_suffix_of(mode), "") << mode;
    EXPECT_THAT(mode, EndsWith(std::string(own_suffix_of(mode))));
  }
  arm_.facts.staged_from = "nvme";
  EXPECT_EQ(own_suffix_of(of(TrialKind::warm).storage_mode()), "_hot");
  EXPECT_EQ(own_suffix_of(prefetch_label("net")), "_prefetch");
  EXPECT_EQ(own_suffix_of("net"), "");
  EXPECT_EQ(own_suffix_of("_warm"), "");  // nothing before it: refused for another reason
}

TEST_F(OfASubject, OnlyAColdTrialIsEvictedAndOnlyFromWhatIsNotMemory) {
  EXPECT_TRUE(of(TrialKind::cold).is_evicted(ColdPolicy::verify));
  EXPECT_TRUE(of(TrialKind::cold).is_evicted(ColdPolicy::best_effort));
  EXPECT_FALSE(of(TrialKind::cold).is_evicted(ColdPolicy::off));
  EXPECT_TRUE(of(TrialKind::node).is_evicted(ColdPolicy::verify));
  EXPECT_TRUE(of(TrialKind::first).is_evicted(ColdPolicy::best_effort));
  for (const TrialKind kind : {TrialKind::warm, TrialKind::warm_up, TrialKind::after_copy}) {
    EXPECT_FALSE(of(kind).is_evicted(ColdPolicy::verify));
  }
  arm_.storage.cache = storage::CacheKind::memory_backed;
  EXPECT_FALSE(of(TrialKind::cold).is_evicted(ColdPolicy::verify));
}

TEST_F(OfASubject, TheLaunchHasThePaceOfStorageButNotOfMemory) {
  arm_.path = "/m";
  arm_.pace = StandInRequest{"250MB/s", {}};
  EXPECT_TRUE(of(TrialKind::cold).launch_request(nullptr).pace);
  EXPECT_TRUE(of(TrialKind::node).launch_request(nullptr).pace);
  EXPECT_TRUE(of(TrialKind::first).launch_request(nullptr).pace);
  EXPECT_FALSE(of(TrialKind::warm).launch_request(nullptr).pace);
  EXPECT_FALSE(of(TrialKind::cold).launch_request(nullptr).read_ahead);
  arm_.facts.prefetch_of = "net";
  EXPECT_TRUE(of(TrialKind::cold).launch_request(nullptr).read_ahead);
  EXPECT_EQ(of(TrialKind::cold).launch_request(nullptr).model_path, "/m");
}

TEST(LabelsOf, APlanAreThoseOfItsPathsAndOfWhatIsMadeOfThem) {
  Plan plan;
  plan.arms = {{"nvme", "/a", "", {}}, {"net", "/b", "", {}}};
  plan.prefetch = {"net"};
  plan.stage = StagedArmRequest{"net", "/c", false};
  EXPECT_THAT(labels_of(plan), ElementsAre("nvme", "net", "net_prefetch", "staged"));
}

}  // namespace
}  // namespace coldload::measure
