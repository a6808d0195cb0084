#include "findings/what_if.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "findings/compare.h"
#include "report/what_if.h"
#include "unit/records/records.h"

namespace coldload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

records::ArmFacts stand_in(const std::string& label, double rate_bytes_per_s) {
  records::ArmFacts facts = arm(label);
  facts.stand_in = records::StandInFacts{};
  facts.stand_in->delivered_read_bytes_per_s = rate_bytes_per_s;
  return facts;
}

// `net` at 100 MB/s: 40 s cold, 10 s warm.
records::Dataset starts(const std::string& target, bool with_warm = true,
                        std::uint64_t bytes = 3'000'000'000) {
  records::ExperimentFacts facts = experiment({stand_in("net", 1e8), arm("unknown")});
  facts.target = target;
  std::vector<records::Record> records;
  for (const double load_s : {39.0, 40.0, 41.0}) {
    records.push_back(cold_trial(facts, "net", load_s));
    records.push_back(cold_trial(facts, "unknown", load_s));
  }
  if (with_warm) {
    records.push_back(cold_trial(facts, "net", 10));
    records.back().storage_mode = "net_warm";
    records.back().cold = records::Cold::warm;
  }
  for (records::Record& record : records) record.checkpoint_bytes = bytes;
  return records::dataset_of(std::move(records));
}

std::optional<double> predicted(const records::Dataset& dataset, double rate_bytes_per_s) {
  return predict(findings::compare(dataset).front(), rate_bytes_per_s).front().load_s;
}

TEST(WhatIf, OfAServerOnlyStoragesShareChanges) {
  const records::Dataset dataset = starts("generic");
  EXPECT_DOUBLE_EQ(*predicted(dataset, 2e8), 10 + 15);
  EXPECT_DOUBLE_EQ(*predicted(dataset, 5e7), 10 + 60);
  EXPECT_NEAR(*predicted(dataset, 1e15), 10, 1e-3);
  EXPECT_DOUBLE_EQ(*predicted(dataset, 1e8), 40);
}

// 50 s of reading that were hidden beside the start but for 30 s: no start is over before its
// bytes.
TEST(WhatIf, NoStartIsShorterThanItsReading) {
  const records::Dataset dataset = starts("generic", true, 5'000'000'000);
  EXPECT_DOUBLE_EQ(*predicted(dataset, 1e7), 500);
}

TEST(WhatIf, OfTheNativeLoaderAllChangesDownToAWarmLoad) {
  const records::Dataset dataset = starts("native", true, 4'000'000'000);
  EXPECT_DOUBLE_EQ(*predicted(dataset, 2e8), 20);
  EXPECT_DOUBLE_EQ(*predicted(dataset, 1e12), 10);
}

TEST(WhatIf, AServerThatIsSlowerThanItsStorageStaysSo) {
  const records::Dataset dataset =
      starts("generic", true, 1'000'000'000);  // needs 30 s for what storage gives in 10
  EXPECT_DOUBLE_EQ(*predicted(dataset, 1e9), 40);
  EXPECT_DOUBLE_EQ(*predicted(dataset, 5e7), 40);
  EXPECT_DOUBLE_EQ(*predicted(dataset, 2e7), 10 + 50);
}

TEST(WhatIf, SaysWhatCannotBePredictedAndWhy) {
  const records::Dataset dataset = starts("generic", false);
  EXPECT_FALSE(predicted(dataset, 2e8).has_value());
  const records::Dataset with_warm = starts("generic");
  const std::string text = what_if_text(findings::compare(with_warm).front(), 2e8);
  EXPECT_THAT(text, HasSubstr("| `net` | 100 MB/s | 40.0 s | 25.0 s | -15.0 s |"));
  EXPECT_THAT(text, HasSubstr("`unknown` is not predicted: what its storage delivers was not"));
  EXPECT_THAT(text, HasSubstr("Predicted, not measured"));
}

// 2.16 GB, of which one node gets 1.08 GB/s and all together 2.16 GB/s.
std::string what_if_of_herds(std::uint64_t nodes, std::optional<double> server,
                             std::optional<double> gpu_hour_price = std::nullopt) {
  records::ExperimentFacts facts = experiment({arm("net")});
  facts.gpu_hour_price = gpu_hour_price;
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (int run = 0; run < 3; ++run) {
    for (const std::size_t size : {1U, 2U, 4U}) {
      const std::vector<double> load_s(size, size == 4 ? 4.0 : 2.0);
      for (records::Record& record : herd_trial(facts, "net", ++position, load_s)) {
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return what_if_nodes_text(findings::compare(dataset).front(), nodes, server);
}

TEST(WhatIf, SoManyNodesShareWhatTheStorageGives) {
  const std::string text = what_if_of_herds(16, std::nullopt);
  EXPECT_THAT(text, HasSubstr("What if 16 nodes started at once?"));
  EXPECT_THAT(text, HasSubstr("| `net` | 4 | 4.00 s | 4.00 s |")) << "measured, and predicted";
  EXPECT_THAT(text, HasSubstr("| `net` | 16 | | 16.0 s | |"));
  EXPECT_THAT(text, HasSubstr("the storage has to give 17.3 GB/s in all"));
  EXPECT_THAT(what_if_of_herds(16, 8.64e9), HasSubstr("| `net` | 16 | | 4.00 s | |"));
  EXPECT_THAT(what_if_of_herds(16, 100e9), HasSubstr("| `net` | 16 | | 2.00 s | |"));
}

// 119, 59 and 19 nodes are ready within 120, 60 and 20 s.
TEST(WhatIf, SoManyNodesStartAtOnceOrInWaves) {
  EXPECT_THAT(what_if_of_herds(64, std::nullopt),
              HasSubstr("From `net`, 64 nodes at once are all ready in 64.0 s (derived). In waves "
                        "all are ready in 118 s (2 of 59, each within 60 s), 76.0 s (4 of 19, each "
                        "within 20 s) (derived).\n"));
  EXPECT_THAT(what_if_of_herds(16, std::nullopt), Not(HasSubstr("In waves")))
      << "all are ready within every budget";
  EXPECT_THAT(what_if_of_herds(64, 100e9), Not(HasSubstr("In waves")));
  EXPECT_THAT(what_if_of_herds(64, 8.64e9), HasSubstr("at once are all ready in 16.0 s"));
}

TEST(WhatIf, ARestartOfSoManyNodesCostsWhatTheirGpusWait) {
  EXPECT_THAT(
      what_if_of_herds(64, std::nullopt, 36.0),
      HasSubstr("their GPUs wait 1.14 hours, which cost 40.97 at 36.00 an hour for all that "
                "one server holds (`--gpu-hour`; derived). In waves of 19, each node stopped "
                "as its wave begins, 0.34 hours, which cost 12.16 (derived)."));
  EXPECT_THAT(what_if_of_herds(64, std::nullopt), Not(HasSubstr("GPUs wait")));
}

TEST(WhatIf, EveryServerOfANodeHasGpusThatWait) {
  records::ExperimentFacts facts = experiment({arm("net")});
  facts.gpu_hour_price = 36.0;
  std::vector<records::Record> records;
  for (int run = 0; run < 3; ++run) {
    for (const std::size_t size : {1U, 2U, 4U}) {
      const std::vector<double> load_s(2 * size, size == 4 ? 4.0 : 2.0);
      for (records::Record& record :
           shared_herd_trial(facts, "net", records.size() + 1, 2, load_s)) {
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  EXPECT_THAT(what_if_nodes_text(findings::compare(dataset).front(), 64, std::nullopt),
              HasSubstr("their GPUs wait 2.28 hours, which cost 81.9"));
}

TEST(WhatIf, NodesAreNotPredictedFromStartsOfOne) {
  const records::Dataset dataset = starts("generic");
  EXPECT_THAT(what_if_nodes_text(findings::compare(dataset).front(), 4, std::nullopt),
              HasSubstr("No trial of several nodes is on record"));
}

}  // namespace
}  // namespace coldload::report
