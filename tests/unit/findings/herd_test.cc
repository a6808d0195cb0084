#include "findings/herd.h"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "records/dataset.h"
#include "unit/records/records.h"

namespace coldload::findings {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Optional;

class Herds : public ::testing::Test {
 protected:
  // One more trial.
  void add(const std::vector<double>& load_s) {
    for (records::Record& record : herd_trial(facts_, "net", ++position_, load_s)) {
      records_.push_back(std::move(record));
    }
  }

  // What a node of each size takes where one gets 1.08 GB/s of 2.16 GB, and all `total`.
  void add_size(std::uint64_t size, double total_bytes_per_s) {
    constexpr double k_bytes = 2'160'123'392;
    const double share = std::min(1.08e9, total_bytes_per_s / static_cast<double>(size));
    add(std::vector<double>(size, k_bytes / share));
  }

  HerdOfArm found() {
    dataset_ = records::dataset_of(records_);
    comparisons_ = compare(dataset_);
    const std::vector<HerdOfArm> all = herds_of(comparisons_.front());
    EXPECT_EQ(all.size(), 1U);
    return all.front();
  }

  // From three herds each of one, two and four nodes.
  HerdModel model_of_three_sizes(double total_bytes_per_s) {
    for (int run = 0; run < 3; ++run) {
      for (const std::uint64_t size : {1U, 2U, 4U}) add_size(size, total_bytes_per_s);
    }
    return found().model.value();
  }

  records::ExperimentFacts facts_ = experiment({arm("net")});
  std::vector<records::Record> records_;
  std::uint64_t position_ = 0;
  records::Dataset dataset_;
  std::vector<Comparison> comparisons_;
};

// The bytes that a row tells are the node's, its seconds one server's.
TEST_F(Herds, OfSeveralServersOnANodeHaveNoStorageRate) {
  for (const std::uint64_t per_node : {1U, 2U}) {
    dataset_ = records::dataset_of(shared_herd_trial(facts_, "net", 1, per_node, {2.0, 2.5}));
    const Comparison comparison = compare(dataset_).front();
    const Arm& arm_found = comparison.arms.front();
    ASSERT_EQ(arm_found.other_modes.size(), 1U);
    const Mode& herds = arm_found.other_modes[0];
    EXPECT_EQ(herds.storage_rate_bytes_per_s.has_value(), per_node == 1);
    EXPECT_EQ(reading_rate_of(comparison, arm_found, herds).has_value(), per_node == 1);
  }
}

TEST_F(Herds, LastUntilTheLastOfTheirNodesIsReady) {
  add({2.0});
  add({3.0, 5.0, 4.0});
  const HerdOfArm herd = found();
  ASSERT_EQ(herd.sizes.size(), 2U);
  const HerdRun& run = herd.sizes[1].runs.front();
  EXPECT_DOUBLE_EQ(run.all_ready_s, 5.0004) << "launched a little later, too";
  EXPECT_EQ(run.fastest_s, 3.0);
  EXPECT_DOUBLE_EQ(run.skew_s, 0.0008);
  EXPECT_THAT(run.rate_bytes_per_s, Optional(DoubleNear(3 * 2'160'123'392.0 / 5.0004, 1)));
  EXPECT_EQ(herd.sizes[1].against_smallest->claim, Claim::single_runs);
}

TEST_F(Herds, AreOnlyWholeOnes) {
  add({2.0, 2.0});
  add({2.1, 2.2});
  records_.back().status = records::Status::not_cold;
  records_.back().cold = records::Cold::not_cold;
  const HerdOfArm herd = found();
  ASSERT_EQ(herd.sizes.size(), 1U);
  EXPECT_EQ(herd.sizes.front().runs.size(), 1U);
  EXPECT_EQ(herd.not_whole, 1U);
}

TEST_F(Herds, OfSeveralExperimentsDoNotMix) {
  add({2.0, 2.0});
  facts_.id = "20250308T101112Z-0001";
  position_ = 0;
  add({3.0, 3.0});
  for (std::size_t i = 2; i < records_.size(); ++i) records_[i].run_id += 1000;
  EXPECT_THAT(found().sizes.front().values_s(),
              ElementsAre(DoubleNear(2, 0.01), DoubleNear(3, 0.01)));
}

TEST_F(Herds, TellWhatTheStorageGivesInAll) {
  const HerdModel model = model_of_three_sizes(2.16e9);
  EXPECT_NEAR(model.node_bytes_per_s, 1.08e9, 1e7);
  EXPECT_THAT(model.total_bytes_per_s, Optional(DoubleNear(2.16e9, 3e7)));
  EXPECT_THAT(model.knee(), Optional(DoubleNear(2, 0.05)));
  EXPECT_NEAR(model.all_ready_s(8), 8, 0.1);
}

TEST_F(Herds, OfStorageThatIsNeverTheLimitTellNoTotal) {
  const HerdModel model = model_of_three_sizes(100e9);
  EXPECT_FALSE(model.total_bytes_per_s);
  EXPECT_NEAR(model.all_ready_s(64), 2, 0.05);
}

TEST_F(Herds, ThatOneNodeFillsAreLimitedFromTheFirstOn) {
  const HerdModel model = model_of_three_sizes(1.08e9);
  EXPECT_THAT(model.knee(), Optional(DoubleNear(1, 0.02)));
  EXPECT_NEAR(model.all_ready_s(8), 16, 0.3);
}

TEST(HerdsOf, AnExperimentWithoutAnyAreNone) {
  const records::ExperimentFacts facts = experiment({arm("net")});
  const records::Dataset dataset = records::dataset_of(numbered({cold_trial(facts, "net", 3)}));
  const std::vector<Comparison> comparisons = compare(dataset);
  EXPECT_TRUE(herds_of(comparisons.front()).empty());
}

// Four servers: two nodes of two, or one of four.
TEST_F(Herds, OfSeveralServersOnANodeAreOfNodes) {
  const auto add_shared = [this](std::size_t per_node, const std::vector<double>& load_s) {
    for (records::Record& record :
         shared_herd_trial(facts_, "net", ++position_, per_node, load_s)) {
      records_.push_back(std::move(record));
    }
  };
  add({2.0});
  for (int run = 0; run < 3; ++run) {
    add_shared(2, {2.0, 3.0});
    add_shared(2, {4.0, 6.0, 5.0, 4.5});
    add_shared(4, {7.0, 7.5, 8.0, 7.0});
  }
  dataset_ = records::dataset_of(records_);
  comparisons_ = compare(dataset_);
  const std::vector<HerdOfArm> all = herds_of(comparisons_.front());
  ASSERT_EQ(all.size(), 3U) << "herds of other numbers of servers are never taken together";
  EXPECT_EQ(all[0].per_node, 1U);
  EXPECT_EQ(all[0].sizes.size(), 1U);
  EXPECT_EQ(all[2].per_node, 4U);
  const HerdOfArm& of_two = all[1];
  EXPECT_EQ(of_two.per_node, 2U);
  EXPECT_EQ(of_two.not_whole, 0U);
  EXPECT_EQ(of_two.hosts, 2U);
  ASSERT_EQ(of_two.sizes.size(), 2U);
  EXPECT_EQ(of_two.sizes[0].size, 1U);
  const HerdRun& run = of_two.sizes[1].runs.front();
  EXPECT_EQ(run.servers.size(), 4U);
  EXPECT_DOUBLE_EQ(run.all_ready_s, 6.0);
  EXPECT_DOUBLE_EQ(run.fastest_s, 5.0) << "a node is ready when its last server is";
  constexpr double k_bytes = 2'160'123'392;
  EXPECT_THAT(run.rate_bytes_per_s, Optional(DoubleNear(2 * k_bytes / 6, 1)))
      << "each node's bytes count once";
  ASSERT_TRUE(of_two.model.has_value());
  EXPECT_DOUBLE_EQ(of_two.model->bytes, k_bytes);
  EXPECT_DOUBLE_EQ(of_two.model->node_bytes_per_s, k_bytes / 3) << "by the slowest server";
}

TEST_F(Herds, OfSeveralServersAreWholeWhenAllOfThemAre) {
  for (records::Record& record : shared_herd_trial(facts_, "net", 1, 2, {2.0, 3.0})) {
    records_.push_back(std::move(record));
  }
  records_.back().status = records::Status::failed;
  records_.back().cold = records::Cold::unknown;
  const HerdOfArm herd = found();
  EXPECT_TRUE(herd.sizes.empty());
  EXPECT_EQ(herd.not_whole, 1U);
}

}  // namespace
}  // namespace coldload::findings
