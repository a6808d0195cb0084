#include "report/dominance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "unit/records/report_cases.h"

namespace coldload::report {
namespace {

using testing::HasSubstr;

// One path, `runs` cold and `runs` warm: the whole load, and the weights phase of it.
std::string sentence(double cold_s, double cold_weights_s, double warm_s, double warm_weights_s,
                     const std::string& target = "vllm", int runs = 3) {
  auto facts = experiment({arm("nvme")});
  facts.target = target;
  std::vector<records::Record> records;
  for (int i = 0; i < runs; ++i) {
    records.push_back(cold_trial(facts, "nvme", cold_s));
    records.back().phases = {{"start", 0, 2, "log"}, {"weights", 2, 2 + cold_weights_s, "log"}};
    records.push_back(warm_trial(facts, "nvme", warm_s));
    records.back().phases = {{"start", 0, 2, "log"}, {"weights", 2, 2 + warm_weights_s, "log"}};
  }
  const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
  return dominance_of(findings::compare(dataset).at(0)).at(0);
}

TEST(Dominance, GoesByTheWeightsPhaseOfAServer) {
  // The start was slower by chance: only 4 of the 10 s are storage.
  EXPECT_THAT(sentence(30, 5, 20, 1), HasSubstr("storage is 4.00 s of 30.0 s (13 %)"));
  // Or faster: then, too.
  EXPECT_THAT(sentence(30, 5, 31, 1), HasSubstr("storage is 4.00 s of 30.0 s (13 %)"));
}

TEST(Dominance, OneRunEachIsNoReasonToSpeakOfStorage) {
  EXPECT_THAT(sentence(30, 5, 20, 4, "vllm", 1),
              HasSubstr("in the weights phase, every cold run (one run, median 5.00 s) took longer "
                        "than every warm one (one run, median 4.00 s). So few runs lie like "
                        "that by chance too often"));
}

TEST(Dominance, SaysWhatOfAWarmRunStillCameFromStorage) {
  records::Record warm_run = warm_trial(experiment({arm("nvme")}), "nvme", 20);
  warm_run.storage_bytes_read = 500'000'000;
  const auto said = [&warm_run] {
    const records::Dataset dataset = records::dataset_of({warm_run});
    return not_quite_warm(findings::compare(dataset).at(0).arms.at(0));
  };
  EXPECT_EQ(said(), "") << "a disk's bytes may be the server's code";
  warm_run.storage_bytes_source = "stand_in";
  EXPECT_EQ(said(), ", though 500 MB still came from storage");
  warm_run.storage_bytes_source = "block_device";
  warm_run.resident_bytes_before = 1;
  EXPECT_EQ(said(), ", though 500 MB still came from storage");
}

// Slower as a whole, though its storage was the faster one.
TEST(Dominance, NamesThePathWhoseStorageIsSlower) {
  auto facts = experiment({arm("nvme"), arm("net")});
  facts.target = "vllm";
  std::vector<records::Record> records;
  const auto add = [&](const char* label, double load_s, double weights_s, bool is_warm) {
    records.push_back(is_warm ? warm_trial(facts, label, load_s)
                              : cold_trial(facts, label, load_s));
    records.back().phases = {{"weights", 1, 1 + weights_s, "log"}};
    records.back().run_id = records.size();
  };
  for (int i = 0; i < 5; ++i) {
    add("nvme", 40 + 0.1 * i, 20, false);
    add("net", 60 + 0.1 * i, 10, false);
  }
  add("nvme", 21, 1, true);
  add("net", 51, 1, true);
  const records::Dataset dataset = records::dataset_of(std::move(records));
  EXPECT_THAT(dominance_of(findings::compare(dataset).at(0)).at(2),
              HasSubstr("Storage makes `net` 10.0 s faster than `nvme`. The medians differ by 20.0 "
                        "s, because the rest of a start from `net` took 30.0 s more"));
}

TEST(Dominance, SaysSoWhereThePhaseIsNotClearlyLonger) {
  EXPECT_THAT(sentence(30, 1, 20, 1), HasSubstr("not clearly faster"));
}

TEST(Dominance, GoesByTheWholeLoadOfTheNativeLoader) {
  EXPECT_THAT(sentence(10, 9, 2, 1, "native"), HasSubstr("storage is 8.00 s of 10.0 s (80 %)"));
}

}  // namespace
}  // namespace coldload::report
