#include <vector>

#include <gmock/gmock.h>

#include "charts/comparison_charts.h"
#include "findings/compare.h"
#include "golden/golden.h"
#include "unit/records/records.h"
#include "unit/records/report_cases.h"

namespace coldload::charts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string drawn(const std::vector<records::Phase>& phases) {
  const records::ExperimentFacts facts = experiment({arm("nvme")});
  std::vector<records::Record> records{cold_trial(facts, "nvme", 10)};
  records.front().phases = phases;
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return phase_chart(findings::compare(dataset).front());
}

TEST(PhaseChart, OfARealReport) {
  const records::Dataset dataset = records::dataset_of(net_much_slower().records);
  golden::expect_golden("phases_net_much_slower.svg",
                        phase_chart(findings::compare(dataset).front()));
}

TEST(PhaseChart, IsNotThereWithoutPhases) { EXPECT_THAT(drawn({}), IsEmpty()); }

TEST(PhaseChart, OfTimesTooSmallToDivideByHasNumbersAllTheSame) {
  const records::ExperimentFacts facts = experiment({arm("nvme")});
  std::vector<records::Record> records{cold_trial(facts, "nvme", 1e-320)};
  records.front().phases = {{"weights", 0, 1e-320, "log"}};
  const records::Dataset dataset = records::dataset_of(std::move(records));
  const std::string chart = phase_chart(findings::compare(dataset).front());
  EXPECT_THAT(chart, AllOf(HasSubstr("<rect"), Not(HasSubstr("inf")), Not(HasSubstr("nan"))));
}

TEST(PhaseChart, PhasesThatOverlapShareTheBarsHeight) {
  const std::string apart = drawn({{"start", 0, 4, "log"}, {"weights", 4, 9, "log"}});
  EXPECT_THAT(apart, AllOf(HasSubstr("<title>weights: 5.00 s</title>"),
                           Not(HasSubstr("height=\"11.0\"")), HasSubstr("unattributed")));
  const std::string together = drawn({{"weights", 2, 9, "log"}, {"start", 0, 4, "log"}});
  EXPECT_THAT(together, HasSubstr("y=\"46.0\" width=\"197.6\" height=\"11.0\""));
  EXPECT_THAT(together, HasSubstr("y=\"57.0\""));
}

}  // namespace
}  // namespace coldload::charts
