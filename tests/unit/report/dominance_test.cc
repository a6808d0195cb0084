#include "report/dominance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/report/report_cases.h"

namespace coldload::report {
namespace {

using testing::HasSubstr;

// One path, cold and warm: the whole load, and the weights phase of it.
std::string sentence(double cold_s, double cold_weights_s, double warm_s, double warm_weights_s,
                     const std::string& target = "vllm") {
  auto facts = experiment({arm("nvme")});
  facts.target = target;
  measure::Record cold = cold_trial(facts, "nvme", cold_s);
  cold.run_id = 1;
  cold.phases = {{"start", 0, 2, "log"}, {"weights", 2, 2 + cold_weights_s, "log"}};
  measure::Record warm = cold_trial(facts, "nvme", warm_s);
  warm.run_id = 2;
  warm.storage_mode = "nvme_warm";
  warm.cold = measure::Cold::warm;
  warm.phases = {{"start", 0, 2, "log"}, {"weights", 2, 2 + warm_weights_s, "log"}};
  const Dataset dataset = dataset_of({cold, warm});
  return dominance_of(compare(dataset).at(0)).at(0);
}

TEST(Dominance, GoesByTheWeightsPhaseOfAServer) {
  // The start was slower by chance: only 4 of the 10 s are storage.
  EXPECT_THAT(sentence(30, 5, 20, 1), HasSubstr("of 30.0 s, 4.00 s (13 %) are storage"));
  // Or faster: then, too.
  EXPECT_THAT(sentence(30, 5, 31, 1), HasSubstr("4.00 s (13 %) are storage"));
}

TEST(Dominance, SaysSoWhereThePhaseIsNotClearlyLonger) {
  EXPECT_THAT(sentence(30, 1, 20, 1), HasSubstr("not clearly faster"));
}

TEST(Dominance, GoesByTheWholeLoadOfTheNativeLoader) {
  EXPECT_THAT(sentence(10, 9, 2, 1, "native"), HasSubstr("8.00 s (80 %) are storage"));
}

}  // namespace
}  // namespace coldload::report
