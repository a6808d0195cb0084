#include "report/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/report/report_cases.h"

namespace coldload::report {
namespace {

using testing::ElementsAre;

TEST(Comparison, PutsTheSecondPathOverTheFirst) {
  const Dataset dataset = dataset_of(net_much_slower().records);
  const auto comparisons = compare(dataset);
  ASSERT_EQ(comparisons.size(), 1U);
  const Contrast& contrast = comparisons[0].contrasts.at(0);
  EXPECT_NEAR(*contrast.ratio, 34.7 / 13.3, 1e-12);
  EXPECT_NEAR(*contrast.difference_s, 21.4, 1e-9);
  EXPECT_NEAR(*contrast.p_value, 2.0 / 252, 1e-12);
  EXPECT_TRUE(contrast.ranges_apart);
  EXPECT_LT(contrast.ratio_ci->low, *contrast.ratio);
  EXPECT_GT(contrast.ratio_ci->high, *contrast.ratio);
  EXPECT_NEAR(*comparisons[0].arms[1].storage_share_s(), 26.4, 1e-9);
}

TEST(Comparison, WarmTrialsAndThoseThatAreNotWhatTheyClaimNeverCount) {
  const Dataset dataset = dataset_of(hostile().records);
  const Arm arm = compare(dataset).at(0).arms.at(0);
  EXPECT_THAT(arm.cold.values_s, ElementsAre(4.4));
  EXPECT_EQ(arm.left_out.size(), 2U);
  const Dataset warm = dataset_of(net_much_slower().records);
  EXPECT_THAT(Arm(compare(warm).at(0).arms.at(0)).warm.values_s, ElementsAre(8.1));
}

TEST(Comparison, AMissingArmLeavesNoRatio) {
  const Dataset dataset = dataset_of(hostile().records);
  const Comparison comparison = compare(dataset).at(0);
  ASSERT_EQ(comparison.arms.size(), 2U);
  EXPECT_TRUE(comparison.arms[1].facts.placeholder);
  EXPECT_FALSE(comparison.contrasts.at(0).ratio.has_value());
  const auto json = to_json({comparison});
  EXPECT_TRUE(json.at("comparison").at("ratio").is_null());
  EXPECT_TRUE(json.at("comparison").at("ratio_ci").is_null());
}

TEST(Comparison, NoIntervalForSmallN) {
  const Dataset dataset = dataset_of(three_paths().records);
  const auto json = to_json(compare(dataset));
  EXPECT_TRUE(json.at("comparison").at("ratio").is_number());
  EXPECT_TRUE(json.at("comparison").at("ratio_ci").is_null());
  EXPECT_EQ(json.at("comparison").at("n").at("net").as_uint64(), 3U);
}

// An experiment with a placeholder, and a later one that measures it.
TEST(Comparison, LaterRowsOfAPlaceholderJoin) {
  auto first = experiment({arm("nvme"), arm("net")});
  first.arms[1].placeholder = true;
  first.arms[1].path.clear();
  auto second = experiment({arm("net")});
  second.id = "later";
  const Dataset dataset =
      dataset_of(numbered({cold_trial(first, "nvme", 2), cold_trial(second, "net", 6)}));
  const auto comparisons = compare(dataset);
  ASSERT_EQ(comparisons.size(), 1U);
  ASSERT_EQ(comparisons[0].arms.size(), 2U);
  EXPECT_EQ(comparisons[0].arms[0].facts.label, "nvme");
  EXPECT_FALSE(comparisons[0].arms[1].facts.placeholder);
  EXPECT_NEAR(*comparisons[0].contrasts.at(0).ratio, 3, 1e-12);
}

TEST(Comparison, WhatIsNotComparableIsNotPooled) {
  const auto base = experiment({arm("nvme")});
  const auto count = [&base](auto change) {
    auto other = base;
    other.id = "other";
    measure::Record changed = cold_trial(other, "nvme", 9);
    change(&changed);
    const Dataset dataset = dataset_of(numbered({cold_trial(base, "nvme", 2), changed}));
    return compare(dataset).size();
  };
  using measure::Record;
  EXPECT_EQ(count([](Record*) {}), 1U);
  EXPECT_EQ(count([](Record* r) { r->model = "other"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->max_model_len = 8192; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.target = "vllm"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.cold_policy = "off"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.arms[0].path = "/elsewhere"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.environment["cpu"] = "another"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.command.push_back("--seed"); }), 1U);
  EXPECT_EQ(count([](Record* r) { r->experiment.command = {"coldload", "--", "sh"}; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.arms[0].stand_in.emplace(); }), 1U)
      << "an empty stand-in says nothing";
}

TEST(Comparison, ExpectsOfAStandInWhatItsRateSays) {
  const Dataset dataset = dataset_of(stand_in().records);
  const auto expectations = compare(dataset).at(0).expectations;
  ASSERT_EQ(expectations.size(), 2U);  // the native loader does not map files
  EXPECT_EQ(expectations[0].basis, "named");
  EXPECT_NEAR(expectations[0].load_s, 2.16e9 / 250e6, 1e-9);
  EXPECT_NEAR(*expectations[0].ratio, 2.16e9 / 250e6 / 1.31, 1e-9);
  EXPECT_NEAR(expectations[1].load_s, 2.16e9 / 247.5e6, 1e-9);
}

TEST(Comparison, OfAServerAddsTheWarmTimeToTheBytes) {
  auto records = stand_in().records;
  for (auto& record : records) {
    record.experiment.target = "generic";
    record.phases.clear();
  }
  const Dataset dataset = dataset_of(records);
  const auto expectations = compare(dataset).at(0).expectations;
  ASSERT_EQ(expectations.size(), 3U);
  EXPECT_NEAR(expectations[0].load_s, 2.16e9 / 250e6 + 0.43, 1e-9);
}

TEST(Comparison, WhatTheWarmStartReadsFromMemoryIsNotExpectedTwice) {
  auto records = stand_in().records;
  for (auto& record : records) {
    record.experiment.target = "vllm";
    const double weights_s = record.cold == measure::Cold::warm ? 0.13 : *record.load_s - 0.3;
    record.phases = {{"start", 0, 0.3, "log"}, {"weights", 0.3, 0.3 + weights_s, "log"}};
  }
  const Dataset dataset = dataset_of(records);
  EXPECT_NEAR(compare(dataset).at(0).expectations.at(0).load_s, 2.16e9 / 250e6 + 0.43 - 0.13, 1e-9);
}

// A start with compiled graphs and one without are not the same thing measured twice.
TEST(Comparison, ExperimentsWithOtherRuntimeCachesAreNotTakenTogether) {
  std::vector<measure::Record> records;
  for (const char* const mode : {"private", "fresh"}) {
    auto facts = experiment({arm("nvme")});
    facts.id = mode;
    facts.target = "vllm";
    text::json::object server;
    server["compile_cache"] = mode;
    facts.environment["server"] = server;
    records.push_back(cold_trial(facts, "nvme", 10));
    records.back().run_id = records.size();
  }
  EXPECT_EQ(compare(dataset_of(records)).size(), 2U);
}

}  // namespace
}  // namespace coldload::report
