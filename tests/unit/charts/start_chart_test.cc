#include <vector>

#include <gmock/gmock.h>

#include "charts/colours.h"
#include "charts/comparison_charts.h"
#include "findings/compare.h"
#include "golden/golden.h"
#include "unit/records/records.h"
#include "unit/records/report_cases.h"

namespace coldload::charts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string drawn(const std::vector<records::Phase>& phases) {
  const records::ExperimentFacts facts = experiment({arm("nvme")});
  std::vector<records::Record> records{cold_trial(facts, "nvme", 10)};
  records.front().phases = phases;
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return start_chart(findings::compare(dataset).front(), Place::wide);
}

TEST(StartChart, OnAPhoneIsNarrowAndSaysTheSame) {
  const records::Dataset dataset = records::dataset_of(net_much_slower().records);
  golden::expect_golden("starts_net_much_slower_narrow.svg",
                        start_chart(findings::compare(dataset).front(), Place::narrow));
}

TEST(StartChart, HasABarAndADotForAStartWithoutPhases) {
  EXPECT_THAT(drawn({}), AllOf(HasSubstr("median run"), HasSubstr("<circle class=\"trial\""),
                               HasSubstr("nvme: 10.0 s"), Not(HasSubstr("unattributed"))));
}

TEST(StartChart, OfTimesTooSmallToDivideByHasNumbersAllTheSame) {
  const records::ExperimentFacts facts = experiment({arm("nvme")});
  std::vector<records::Record> records{cold_trial(facts, "nvme", 1e-320)};
  records.front().phases = {{"weights", 0, 1e-320, "log"}};
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const std::string chart = start_chart(findings::compare(dataset).front(), Place::wide);
  EXPECT_THAT(chart, AllOf(HasSubstr("<rect"), Not(HasSubstr("inf")), Not(HasSubstr("nan"))));
}

TEST(StartChart, PhasesThatOverlapShareTheBarsHeight) {
  const std::string apart = drawn({{"start", 0, 4, "log"}, {"weights", 4, 9, "log"}});
  EXPECT_THAT(apart, AllOf(HasSubstr("<title>weights: 5.00 s</title>"),
                           Not(HasSubstr("height=\"9.0\"")), HasSubstr("unattributed")));
  const std::string together = drawn({{"weights", 2, 9, "log"}, {"start", 0, 4, "log"}});
  EXPECT_THAT(together, HasSubstr("y=\"53.0\" width=\"273.6\" height=\"9.0\""));
  EXPECT_THAT(together, HasSubstr("y=\"62.0\""));
}

TEST(StartChart, APhaseHasItsColourWhateverElseThereIs) {
  const std::string weights_class = phase_class("weights", 0);
  EXPECT_EQ(phase_class("weights", 5), weights_class);
  EXPECT_THAT(drawn({{"odd", 0, 4, "log"}, {"weights", 4, 9, "log"}}),
              HasSubstr("<rect class=\"" + weights_class + '"'));
  EXPECT_NE(phase_class("odd", 0), phase_class("odder", 1));
}

}  // namespace
}  // namespace coldload::charts
