#include "findings/herd_budgets.h"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "records/dataset.h"
#include "unit/records/records.h"

namespace coldload::findings {
namespace {

constexpr double k_bytes = 2'160'123'392;

struct HerdsOfSize {
  std::size_t size;
  double load_s;
};

// The fit within `budget_s` of three herds of each size.
HerdFit fit_of_herds(double budget_s, const std::vector<HerdsOfSize>& sizes) {
  records::ExperimentFacts facts = experiment({arm("net")});
  facts.budgets_s = {{"user", budget_s}};
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (int run = 0; run < 3; ++run) {
    for (const HerdsOfSize& herds : sizes) {
      const std::vector<double> load_s(herds.size, herds.load_s + 0.001 * run);
      for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
        record.herd->launch_skew_s = 0;
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const std::vector<Comparison> comparisons = compare(dataset);
  const HerdOfArm herd = herds_of(comparisons.front()).front();
  for (const HerdFit& fit : herd_fits_of(comparisons.front(), herd)) {
    if (fit.budget.seconds == budget_s) return fit;
  }
  ADD_FAILURE() << "no such budget";
  return {};
}

// The storage is the limit from two nodes on: each adds a second.
const std::vector<HerdsOfSize> k_doubling{{1, 2}, {2, 2}, {4, 4}};

TEST(HerdBudgets, BeyondWhatWasMeasuredAreDerived) {
  const HerdFit fit = fit_of_herds(20.5, k_doubling);
  EXPECT_EQ(fit.nodes, 20U);
  EXPECT_EQ(fit.basis, HerdBasis::derived);
  ASSERT_TRUE(fit.each_more_bytes_per_s);
  EXPECT_NEAR(*fit.each_more_bytes_per_s, k_bytes / 20.5, 1e3);
}

TEST(HerdBudgets, BetweenMeasuredSizesAreDerived) {
  const HerdFit fit = fit_of_herds(3.5, k_doubling);
  EXPECT_EQ(fit.nodes, 3U);
  EXPECT_EQ(fit.basis, HerdBasis::derived);
}

TEST(HerdBudgets, AreMeasuredWhereTheNextHerdHasOneNodeMore) {
  const HerdFit fit = fit_of_herds(3.5, {{1, 2}, {2, 2}, {3, 3}, {4, 4}});
  EXPECT_EQ(fit.nodes, 3U);
  EXPECT_EQ(fit.basis, HerdBasis::measured);
}

TEST(HerdBudgets, HeldAgainstTheSlowestHerd) {
  EXPECT_EQ(fit_of_herds(4.0015, k_doubling).nodes, 3U) << "one of 4 took 4.002 s";
  EXPECT_EQ(fit_of_herds(4.0025, k_doubling).nodes, 4U);
}

TEST(HerdBudgets, TooShortForOneNodeLeaveRoomForNone) {
  const HerdFit fit = fit_of_herds(1.5, k_doubling);
  EXPECT_EQ(fit.nodes, 0U);
  EXPECT_EQ(fit.basis, HerdBasis::measured);
  EXPECT_FALSE(fit.each_more_bytes_per_s) << "no storage makes one node faster";
}

TEST(HerdBudgets, WithoutALimitOfTheStorageAreAtLeastWhatWasMeasured) {
  const HerdFit fit = fit_of_herds(20.5, {{1, 2}, {4, 2}});
  EXPECT_EQ(fit.nodes, 4U);
  EXPECT_EQ(fit.basis, HerdBasis::at_least);
  EXPECT_FALSE(fit.each_more_bytes_per_s);
}

TEST(HerdBudgets, OfAModelThatDoesNotFitAreNotDerived) {
  const HerdFit fit = fit_of_herds(30.5, {{1, 2}, {2, 10}, {4, 12}, {8, 40}});
  EXPECT_EQ(fit.nodes, 4U);
  EXPECT_EQ(fit.basis, HerdBasis::at_least);
  EXPECT_EQ(fit.too_many, 8U);
}

TEST(HerdBudgets, ThatTheSmallestHerdMissesAreBelowIt) {
  const HerdFit fit = fit_of_herds(3.5, {{4, 4}, {8, 8}});
  EXPECT_EQ(fit.nodes, 4U);
  EXPECT_EQ(fit.basis, HerdBasis::below);
}

TEST(HerdBudgets, AreKeptByWaves) {
  HerdModel model;
  model.node_bytes_per_s = 1;
  model.bytes = 2;
  model.total_bytes_per_s = 2;
  const Waves waves = waves_of(model, 64, 19);
  EXPECT_EQ(waves.count, 4U);
  EXPECT_DOUBLE_EQ(waves.each_wave_s, 19);
  EXPECT_DOUBLE_EQ(waves.all_ready_s, 4 * 19);
  EXPECT_EQ(waves_of(model, 38, 19).count, 2U);
}

}  // namespace
}  // namespace coldload::findings
