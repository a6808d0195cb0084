#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "charts/comparison_charts.h"
#include "findings/choices.h"
#include "findings/compare.h"
#include "findings/subject.h"
#include "report/claims.h"
#include "report/comparison_json.h"
#include "report/sections.h"
#include "report/terms.h"
#include "unit/records/report_cases.h"

namespace coldload::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Comparison, PutsTheSecondPathOverTheFirst) {
  const records::Dataset dataset = records::dataset_of(net_much_slower().records);
  const auto comparisons = findings::compare(dataset);
  ASSERT_EQ(comparisons.size(), 1U);
  const Contrast& contrast = comparisons[0].contrasts.at(0);
  EXPECT_NEAR(*contrast.ratio, 34.7 / 13.3, 1e-12);
  EXPECT_NEAR(*contrast.difference_s, 21.4, 1e-9);
  EXPECT_NEAR(*contrast.p_value, 2.0 / 252, 1e-12);
  EXPECT_TRUE(contrast.ranges_apart);
  EXPECT_LT(contrast.ratio_ci->low, *contrast.ratio);
  EXPECT_GT(contrast.ratio_ci->high, *contrast.ratio);
  EXPECT_NEAR(*comparisons[0].arms[1].cold_less_warm_s(), 26.4, 1e-9);
}

TEST(Comparison, WarmTrialsAndThoseThatAreNotWhatTheyClaimNeverCount) {
  const records::Dataset dataset = records::dataset_of(hostile().records);
  const Arm arm = findings::compare(dataset).at(0).arms.at(0);
  EXPECT_THAT(arm.cold.values_s, ElementsAre(4.4));
  EXPECT_EQ(arm.left_out.size(), 2U);
  const records::Dataset warm = records::dataset_of(net_much_slower().records);
  EXPECT_THAT(Arm(findings::compare(warm).at(0).arms.at(0)).warm.values_s, ElementsAre(8.1));
}

TEST(Comparison, AMissingArmLeavesNoRatio) {
  const records::Dataset dataset = records::dataset_of(hostile().records);
  const Comparison comparison = findings::compare(dataset).at(0);
  ASSERT_EQ(comparison.arms.size(), 2U);
  EXPECT_TRUE(comparison.arms[1].facts.placeholder);
  EXPECT_FALSE(comparison.contrasts.at(0).ratio.has_value());
  const auto json = to_json({comparison});
  EXPECT_TRUE(json.at("comparison").at("ratio").is_null());
  EXPECT_TRUE(json.at("comparison").at("ratio_ci").is_null());
}

TEST(Comparison, NoIntervalForSmallN) {
  const records::Dataset dataset = records::dataset_of(three_paths().records);
  const auto json = to_json(findings::compare(dataset));
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
  const records::Dataset dataset =
      records::dataset_of(numbered({cold_trial(first, "nvme", 2), cold_trial(second, "net", 6)}));
  const auto comparisons = findings::compare(dataset);
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
    records::Record changed = cold_trial(other, "nvme", 9);
    change(&changed);
    const records::Dataset dataset =
        records::dataset_of(numbered({cold_trial(base, "nvme", 2), changed}));
    return findings::compare(dataset).size();
  };
  using records::Record;
  EXPECT_EQ(count([](Record*) {}), 1U);
  EXPECT_EQ(count([](Record* r) { r->model = "other"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->max_model_len = 8192; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.target = "vllm"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.cold_policy = "off"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.arms[0].path = "/elsewhere"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.environment["cpu"] = "another"; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.environment["cores"] = 2; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.environment["memory_bytes"] = 1; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->checkpoint_bytes /= 10; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.command.push_back("--env=A=1"); }), 2U);
  EXPECT_EQ(count([](Record* r) {
              for (const char* word : {"--native-threads", "1"}) {
                r->experiment.command.emplace_back(word);
              }
            }),
            2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.command.push_back("--prepare-server=drop"); }), 2U);
  EXPECT_EQ(count([](Record* r) {
              r->experiment.environment["coldload"] = {{"version", "0.2.0"}, {"commit", "b"}};
            }),
            2U)
      << "of the native loader, coldload is what is measured";
  EXPECT_EQ(count([](Record* r) { r->experiment.command.push_back("--seed"); }), 1U);
  EXPECT_EQ(count([](Record* r) { r->experiment.command = {"coldload", "--", "sh"}; }), 2U);
  EXPECT_EQ(count([](Record* r) { r->experiment.arms[0].stand_in.emplace(); }), 1U)
      << "an empty stand-in says nothing";
}

// Files are often given in the order of their names.
TEST(Comparison, ExperimentsComeInTheOrderInWhichTheyWereMade) {
  auto january = experiment({arm("nvme")});
  january.id = "january";
  auto june = january;
  june.id = "june";
  june.environment["cpu"] = "another";
  records::Record then = cold_trial(january, "nvme", 32);
  then.started_at = "2025-01-07T10:11:12Z";
  records::Record now = cold_trial(june, "nvme", 22);
  now.started_at = "2025-06-07T10:11:12Z";
  now.run_id = then.run_id = 1;
  for (const auto& records : {std::vector{then, now}, std::vector{now, then}}) {
    const records::Dataset dataset = records::dataset_of(records);
    const auto comparisons = findings::compare(dataset);
    ASSERT_EQ(comparisons.size(), 2U);
    EXPECT_EQ(comparisons[0].facts.id, "june");
    EXPECT_EQ(dataset.trials().front().experiment->id, "january");
    EXPECT_EQ(dataset.only("june").trials().size(), 1U);
    EXPECT_EQ(dataset.only("june").experiments().at(0).id, "june");
    EXPECT_TRUE(dataset.only("july").trials().empty());
  }
}

TEST(Comparison, NumbersThatRepeatAreToldApart) {
  auto first = experiment({arm("nvme")});
  auto second = first;
  second.id = "second";
  records::Record one = cold_trial(first, "nvme", 2);
  records::Record other = cold_trial(second, "nvme", 3);
  one.run_id = other.run_id = 1;
  one.remarks = {"odd"};
  const records::Dataset dataset = records::dataset_of({one, other});
  const auto comparisons = findings::compare(dataset);
  ASSERT_TRUE(comparisons.at(0).run_ids_repeat);
  EXPECT_THAT(doubt_section(comparisons[0]), HasSubstr("Run 1 of `20250307T101112Z-4af1`: odd."));
  EXPECT_THAT(trials_section(comparisons[0], false), HasSubstr("| 1 of `second` |"));
  EXPECT_THAT(charts::start_chart(comparisons[0], charts::Place::wide),
              HasSubstr("<title>run 1 of second: 3.00 s</title>"));
}

// A first path that failed leaves the others to be held against each other.
TEST(Comparison, PathsAreHeldAgainstTheFirstThatWasMeasured) {
  const auto facts = experiment({arm("a"), arm("b"), arm("c")});
  std::vector<records::Record> records;
  for (const double seconds : {10.0, 10.1, 10.2, 10.3, 10.4}) {
    records::Record failed = cold_trial(facts, "a", 1);
    failed.status = records::Status::failed;
    records.push_back(failed);
    records.push_back(cold_trial(facts, "b", seconds));
    records.push_back(cold_trial(facts, "c", seconds * 2));
  }
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  const auto comparisons = findings::compare(dataset);
  EXPECT_THAT(title_of(comparisons.at(0)), HasSubstr("`c` takes 2.00 times as long as `b`"));
  EXPECT_TRUE(to_json(comparisons).at("comparison").at("ratio").is_null()) << "b over a";
}

TEST(Comparison, APlaceholderThatComesFirstIsNotWhatTheRatioIsOver) {
  records::ExperimentFacts facts = experiment({arm("later"), arm("nvme"), arm("net")});
  facts.arms[0].placeholder = true;
  const records::Dataset dataset =
      records::dataset_of(numbered({cold_trial(facts, "nvme", 10), cold_trial(facts, "net", 30)}));
  const auto json = to_json(findings::compare(dataset));
  EXPECT_EQ(json.at("comparison").at("ratio"), 3.0);
}

// The stand-in is held against the path that was measured, not against the first one.
TEST(Comparison, WithTheFirstPathFailedAStandInHasItsExpectedRatio) {
  const auto facts = experiment({arm("a"), arm("b"), stand_in_arm("net", 250e6)});
  std::vector<records::Record> records;
  for (int i = 0; i < 3; ++i) {
    records::Record failed = cold_trial(facts, "a", 1);
    failed.status = records::Status::failed;
    records.push_back(failed);
    records.push_back(cold_trial(facts, "net", 9));
  }
  const records::Dataset alone = records::dataset_of(numbered(records));
  EXPECT_THAT(caveats_of(findings::compare(alone).at(0), 2),
              ElementsAre(HasSubstr("9.00 s were measured.")));
  records.push_back(cold_trial(facts, "b", 3));
  const records::Dataset both = records::dataset_of(numbered(records));
  EXPECT_THAT(expectation_section(findings::compare(both).at(0)), HasSubstr("| 2.88 | 3.00 |"));
}

TEST(Comparison, TheTitleIsOfPathsNotOfOtherWaysToStart) {
  records::ArmFacts copy = arm("staged");
  copy.staged_from = "net";
  const auto facts = experiment({arm("nvme"), arm("net"), copy});
  const records::Dataset dataset = records::dataset_of(
      numbered({cold_trial(facts, "nvme", 10), cold_trial(facts, "staged", 20)}));
  EXPECT_THAT(title_of(findings::compare(dataset).at(0)),
              HasSubstr("`nvme` 10.0 s and `staged` 20.0 s"));
}

// Most runs from net are slower, its median is not.
TEST(Comparison, WhereMediansSayTheOppositeOfTheTestNeitherIsTheFasterOne) {
  const auto facts = experiment({arm("nvme"), arm("net")});
  std::vector<records::Record> records;
  for (int i = 0; i < 21; ++i) {
    records.push_back(cold_trial(facts, "nvme", i < 10 ? 1 + 0.01 * i : 10));
    records.push_back(cold_trial(facts, "net", i < 11 ? 9.9 : 20));
  }
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  const auto comparisons = findings::compare(dataset);
  const Comparison& comparison = comparisons.at(0);
  ASSERT_LT(*comparison.contrasts.at(0).p_value, 0.05);
  EXPECT_EQ(comparison.contrasts[0].claim, Claim::mixed);
  EXPECT_THAT(title_of(comparison), HasSubstr("differ, though not by their medians"));
  const Answer answer = answer_for(comparison, comparison.contrasts[0]);
  EXPECT_EQ(answer.said,
            "**`nvme` and `net` differ, though not by their medians**, 10.0 s and 9.90 s. Look at "
            "every run.");
  EXPECT_EQ(answer.basis,
            "A rank test (21 runs each, p = 0.009) finds that loads from `net` tend to take "
            "longer.");
  EXPECT_FALSE(differs(comparison, comparison.arms[0], comparison.arms[1]));
}

TEST(Comparison, TwoOfThreePathsMayBeTheSameStorage) {
  auto facts = experiment({arm("nvme"), arm("copy"), arm("net")});
  facts.same_storage = {{"nvme", "copy", "the same storage: both are on vdb"}};
  std::vector<records::Record> records;
  for (int i = 0; i < 5; ++i) {
    records.push_back(cold_trial(facts, "nvme", 10 + 0.01 * i));
    records.push_back(cold_trial(facts, "copy", 22 + 0.01 * i));
    records.push_back(cold_trial(facts, "net", 15 + 0.01 * i));
  }
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  const auto comparisons = findings::compare(dataset);
  const Comparison& comparison = comparisons.at(0);
  EXPECT_THAT(title_of(comparison), HasSubstr("`net` takes 1.50 times as long as `nvme`"));
  Notes notes;
  EXPECT_THAT(answers_of(comparison, &notes).at(0),
              HasSubstr("**`nvme` and `copy` are the same storage, so this is no comparison"));
  EXPECT_THAT(paths_by_time(comparison), ElementsAre(&comparison.arms[0], &comparison.arms[2]));
}

TEST(Comparison, ExpectsOfAStandInWhatItsRateSays) {
  const records::Dataset dataset = records::dataset_of(behind_a_stand_in().records);
  const auto expectations = findings::compare(dataset).at(0).expectations;
  ASSERT_EQ(expectations.size(), 2U);  // the native loader does not map files
  EXPECT_EQ(expectations[0].basis, "named");
  EXPECT_NEAR(expectations[0].load_s, 2.16e9 / 250e6, 1e-9);
  EXPECT_NEAR(*expectations[0].ratio, 2.16e9 / 250e6 / 1.31, 1e-9);
  EXPECT_NEAR(expectations[1].load_s, 2.16e9 / 247.5e6, 1e-9);
}

TEST(Comparison, OfAServerAddsTheWarmTimeToTheBytes) {
  auto records = behind_a_stand_in().records;
  for (auto& record : records) {
    record.experiment.target = "generic";
    record.phases.clear();
  }
  const records::Dataset dataset = records::dataset_of(records);
  const auto expectations = findings::compare(dataset).at(0).expectations;
  ASSERT_EQ(expectations.size(), 3U);
  EXPECT_NEAR(expectations[0].load_s, 2.16e9 / 250e6 + 0.43, 1e-9);
}

TEST(Comparison, WhatTheWarmStartReadsFromMemoryIsNotExpectedTwice) {
  auto records = behind_a_stand_in().records;
  for (auto& record : records) {
    record.experiment.target = "vllm";
    const double weights_s = record.cold == records::Cold::warm ? 0.13 : *record.load_s - 0.3;
    record.phases = {{"start", 0, 0.3, "log"}, {"weights", 0.3, 0.3 + weights_s, "log"}};
  }
  const records::Dataset dataset = records::dataset_of(records);
  EXPECT_NEAR(findings::compare(dataset).at(0).expectations.at(0).load_s,
              2.16e9 / 250e6 + 0.43 - 0.13, 1e-9);
}

// A start with compiled graphs and one without are not the same thing measured twice.
TEST(Comparison, ExperimentsWithOtherRuntimeCachesAreNotTakenTogether) {
  std::vector<records::Record> records;
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
  EXPECT_EQ(findings::compare(records::dataset_of(records)).size(), 2U);
}

}  // namespace
}  // namespace coldload::report
