#include <gmock/gmock.h>

#include "findings/compare.h"
#include "report/sections.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// `copy_s`, then a start straight after it, one from the evicted copy, one from the source; three
// of each, of which the last ones from copy and source take `scatter_s` longer.
std::string section(double copy_s, double first_s, double later_s, double source_s,
                    double scatter_s = 0, const std::string& after_copy = "staged_after_copy") {
  records::ArmFacts staged = arm("staged");
  staged.staged_from = "net";
  const records::ExperimentFacts facts = experiment({arm("nvme"), arm("net"), staged});
  std::vector<records::Record> records;
  for (int i = 0; i < 3; ++i) {
    const double longer_s = i == 2 ? scatter_s : 0;
    records.push_back(cold_trial(facts, "net", source_s + longer_s));
    records::Record first = cold_trial(facts, "staged", first_s);
    first.storage_mode = after_copy;
    first.cold = records::Cold::off;
    first.copy_s = copy_s;
    records.push_back(first);
    records.push_back(cold_trial(facts, "staged", later_s + longer_s));
    records.back().copy_s = copy_s;
  }
  for (std::size_t i = 0; i < records.size(); ++i) records[i].run_id = i + 1;
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return staging_section(findings::compare(dataset).front());
}

TEST(StagingSection, ReadsTheNameThatAStartAfterTheCopyHadUntilSchemaTwo) {
  EXPECT_EQ(section(30, 5, 6, 10, 0, "staged_warm"), section(30, 5, 6, 10));
}

// 30 + 5 + 9 * 6 = 89 s against 100 s at the tenth start; 8 starts: 77 against 80; 7: 71
// against 70.
TEST(StagingSection, SaysFromWhichStartOnItPays) {
  const std::string text = section(30, 5, 6, 10);
  EXPECT_THAT(text,
              HasSubstr("**Staging pays from start 8 of a node on:** the copy takes 30.0 s once"));
  EXPECT_THAT(
      text,
      HasSubstr("ready 25.0 s later with the copy. Every start from the copy (3 runs) was faster "
                "than every start from `net` (3 runs). With so few runs the rank test cannot get "
                "below p = 0.10."));
  EXPECT_THAT(text, HasSubstr("| 5 | 50.0 s | 59.0 s | -9.00 s |"));
  EXPECT_THAT(text, HasSubstr("| 20 | 200 s | 149 s | +51.0 s |"));
  EXPECT_THAT(text, HasSubstr("| 1 | 4.00 s | 8 days |"));
  EXPECT_THAT(text, HasSubstr("| 24 | 96.0 s | the first day |"));
}

TEST(StagingSection, SaysThatItPaysAtOnceOrNever) {
  EXPECT_THAT(section(3, 2, 2, 10), HasSubstr("**Staging pays at once:**"));
  EXPECT_THAT(section(1, 4, 4, 10), HasSubstr("| 1 | 6.00 s | the first day |"));
  EXPECT_THAT(section(20, 10, 70, 60),
              HasSubstr("**Staging pays for a node's first start alone:**"));
  const std::string never = section(30, 10, 11, 10);
  EXPECT_THAT(never, HasSubstr("**Staging does not pay:** the copy takes 30.0 s once. A start "
                               "then takes 11.0 s from the copy and 10.0 s from `net`."));
  EXPECT_THAT(never, Not(HasSubstr("starts a day")));
}

TEST(StagingSection, ClaimsNothingThatTheRunsDoNotShow) {
  const std::string open = section(30, 5, 6, 10, 5);
  EXPECT_THAT(open,
              HasSubstr("**If these medians hold, staging pays from start 8 of a node on:**"));
  EXPECT_THAT(open, HasSubstr("These runs do not tell starts from the copy (3 runs)"));
  EXPECT_THAT(section(1, 4, 4, 10, 7),
              HasSubstr("**If these medians hold, staging pays at once:**"));
  EXPECT_THAT(section(20, 10, 70, 60, 20),
              HasSubstr("**If these medians hold, staging pays for a node's first start alone:**"));
  EXPECT_THAT(section(30, 10, 11, 10, 5), HasSubstr("**No gain by staging is shown:**"));
}

// Where reading ahead is the better way without a copy, that is what the copy is held against, too.
TEST(StagingSection, HoldsTheCopyAgainstReadingAhead) {
  records::ArmFacts staged = arm("staged");
  staged.staged_from = "net";
  records::ArmFacts ahead = arm("net_prefetch");
  ahead.prefetch_of = "net";
  const auto text = [&](double ahead_s, double staged_s) {
    const records::ExperimentFacts facts = experiment({arm("net"), ahead, staged});
    std::vector<records::Record> records;
    for (int i = 0; i < 5; ++i) {
      records.push_back(cold_trial(facts, "net", 80 + i));
      records.push_back(cold_trial(facts, "net_prefetch", ahead_s + i));
      records::Record first = cold_trial(facts, "staged", staged_s);
      first.storage_mode = "staged_after_copy";
      first.copy_s = 30;
      records.push_back(first);
      records.push_back(cold_trial(facts, "staged", staged_s + i));
    }
    const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
    return staging_section(findings::compare(dataset).front());
  };
  EXPECT_THAT(text(60, 52), HasSubstr(" Starts from `net` by `coldload run` take 62.0 s (5 "
                                      "runs). Against those the copy pays from start 4 of a "
                                      "node on.\n"));
  EXPECT_THAT(text(60, 58),
              HasSubstr("the copy pays from start 14 of a node on, if these medians hold: the "
                        "runs do not tell them from chance.\n"));
  EXPECT_THAT(text(40, 52), HasSubstr("the copy does not pay.\n"));
}

TEST(StagingSection, IsSilentWithoutACopy) {
  const records::ExperimentFacts facts = experiment({arm("nvme"), arm("net")});
  const records::Dataset dataset =
      records::dataset_of({cold_trial(facts, "nvme", 1), cold_trial(facts, "net", 2)});
  EXPECT_THAT(staging_section(findings::compare(dataset).front()), IsEmpty());
}

}  // namespace
}  // namespace coldload::report
