#include "findings/condition.h"

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "os/error.h"
#include "unit/records/records.h"

namespace coldload::findings {
namespace {

using ::testing::HasSubstr;

records::Dataset two_paths() {
  const records::ExperimentFacts facts = experiment({arm("nvme"), arm("net"), arm("later")});
  std::vector<records::Record> records;
  for (const double load_s : {10.0, 11.0, 12.0}) {
    records.push_back(cold_trial(facts, "nvme", load_s));
    records.back().efficiency = load_s / 20;
    records.push_back(cold_trial(facts, "net", 3 * load_s));
  }
  records.push_back(cold_trial(facts, "net", 9));
  records.back().storage_mode = "net_warm";
  records.back().cold = records::Cold::warm;
  return records::dataset_of(std::move(records));
}

Examined examined(const std::string& text) {
  const records::Dataset dataset = two_paths();
  return examine(parse_condition(text), compare(dataset).front());
}

TEST(Condition, HoldsMediansRatiosAndEfficiencyAgainstTheirLimits) {
  EXPECT_TRUE(examined("ratio>2.9").fulfilled);
  EXPECT_FALSE(examined("ratio>3").fulfilled);
  EXPECT_FALSE(examined("ratio < 2.9").fulfilled);
  EXPECT_TRUE(examined("ratio.net>2").fulfilled);
  EXPECT_TRUE(examined("difference_s>21.9").fulfilled);
  EXPECT_TRUE(examined("load_s.net>32").fulfilled);
  EXPECT_FALSE(examined("load_s.net>33").fulfilled);
  EXPECT_TRUE(examined("load_s.net_warm<10").fulfilled);
  EXPECT_TRUE(examined("efficiency.nvme<0.56").fulfilled);
}

TEST(Condition, WhatIsNotKnownIsToldAndNotPassed) {
  EXPECT_TRUE(examined("efficiency.net<0.5").fulfilled);
  EXPECT_FALSE(examined("efficiency.net<0.5").value.has_value());
  EXPECT_TRUE(examined("load_s.later>1").fulfilled);
  EXPECT_TRUE(examined("ratio.later>1").fulfilled);
}

TEST(Condition, APlaceholderThatComesFirstIsNotWhatRatiosAreOver) {
  records::ExperimentFacts facts = experiment({arm("later"), arm("nvme"), arm("net")});
  facts.arms[0].placeholder = true;
  std::vector<records::Record> records;
  for (const double load_s : {10.0, 11.0, 12.0}) {
    records.push_back(cold_trial(facts, "nvme", load_s));
    records.push_back(cold_trial(facts, "net", 3 * load_s));
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const Comparison comparison = compare(dataset).front();
  for (const char* text : {"ratio>2.9", "ratio.net>2.9", "difference_s.net>21"}) {
    const Examined found = examine(parse_condition(text), comparison);
    EXPECT_TRUE(found.value && found.fulfilled) << text;
  }
  EXPECT_FALSE(examine(parse_condition("ratio>3.1"), comparison).fulfilled);
  EXPECT_FALSE(examine(parse_condition("ratio.later>1"), comparison).value);
  EXPECT_THROW((void)examine(parse_condition("ratio.nvme>1"), comparison), os::Error);
}

TEST(Condition, APathThatIsNotOnRecordIsAnError) {
  for (const char* text : {"load_s.ent>1", "ratio.nvme>1", "efficiency.x<1"}) {
    EXPECT_THROW((void)examined(text), os::Error) << text;
  }
}

TEST(Condition, BadOnesSayHowTheyRead) {
  for (const char* text : {"", "ratio", "ratio=3", "ratio>", "ratio>three", "ratio>3x", "rato>3",
                           "load_s>3", "load_s.>3", "ratio.>3", ">3", "ratio>nan", "ratio>>3"}) {
    try {
      (void)parse_condition(text);
      ADD_FAILURE() << text;
    } catch (const os::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("as in load_s.net>60")) << text;
    }
  }
}

}  // namespace
}  // namespace coldload::findings
