#include "report/floor_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "findings/compare.h"
#include "records/json_lines.h"
#include "report/recommendation.h"
#include "unit/records/report_cases.h"

namespace coldload::report {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A server whose weights phase took 10 of 30 s, 2.16 GB, with this floor.
records::Record server_trial(const std::optional<records::Floor>& floor, bool on_gpu) {
  auto facts = experiment({arm("nvme")});
  facts.target = "vllm";
  facts.arms[0].floor = floor;
  records::Record record = cold_trial(facts, "nvme", 30);
  record.run_id = 1;
  record.phases = {{"start", 0, 5, "log"}, {"weights", 5, 15, "log"}};
  if (on_gpu) record.gpu_mem_used_mb = 8000;
  records::apply_floor(facts.arms[0], facts.target, &record);
  return record;
}

std::vector<std::string> sentences(const records::Record& record) {
  const records::Dataset dataset = records::dataset_of({record});
  return floor_use_of(findings::compare(dataset).at(0));
}

TEST(FloorUse, SaysHowMuchOfThePathWasUsedAndWhatFastStorageLeaves) {
  const auto said = sentences(server_trial(floor_at(2.16e9), false));
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[0], HasSubstr("the server used **10 %** of what this path delivers, 2.16 GB/s"));
  EXPECT_THAT(said[0],
              HasSubstr("2.16 GB came in 10.0 s, at 216 MB/s (the weights phase, median)"));
  // 20 s of the rest, and 2.16 GB at 12.5 GB/s.
  EXPECT_THAT(said[1],
              HasSubstr("still leave about 20.2 s (derived): 20.0 s outside the weights phase"));
  EXPECT_THAT(said[1], HasSubstr("from the page cache at 12.5 GB/s"));
}

TEST(FloorUse, AStartFromMemoryThatTookLongerThanDerivedIsNamed) {
  const auto said = [](double warm_s) {
    std::vector<records::Record> records{server_trial(floor_at(2.16e9), false)};
    records.push_back(warm_trial(records[0].experiment, "nvme", warm_s));
    const records::Dataset dataset = records::dataset_of(numbered(std::move(records)));
    return floor_use_of(findings::compare(dataset).at(0)).at(1);
  };
  EXPECT_THAT(said(24), HasSubstr(" Measured with the weights in memory: 24.0 s (one run)."));
  EXPECT_THAT(said(20), Not(HasSubstr("Measured with")));
}

TEST(FloorUse, WithAGpuTheBusIsWhatIsLeft) {
  const auto said = sentences(server_trial(with_gpu(floor_at(2.16e9)), true));
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[1], HasSubstr("to the GPU at 25.1 GB/s"));
}

// The native loader onto a GPU: 0.1 s until it reads, 0.4 s until the GPU is ready.
records::Record loader_trial() {
  auto facts = experiment({arm("nvme")});
  facts.arms[0].floor = with_gpu(floor_at(2.16e9));
  records::Record record = cold_trial(facts, "nvme", 2);
  record.run_id = 1;
  record.phases = {{"start", 0, 0.1, "loader"}, {"weights", 0.1, 2, "loader"}};
  record.reported = {{"destination", "gpu"}, {"context_s", 0.3}, {"pin_s", 0.1}};
  records::apply_floor(facts.arms[0], facts.target, &record);
  return record;
}

TEST(FloorUse, TheNativeLoaderStillWaitsForTheGpuItPreparesWhileItReads) {
  records::Record record = loader_trial();
  // 0.4 s, and 2.16 GB at 25.1 GB/s.
  EXPECT_THAT(sentences(record).at(1),
              HasSubstr("still leave at least 0.49 s (derived): 0.40 s for "
                        "the loader's start or, where that is longer"));
  EXPECT_THAT(sentences(record).at(1), HasSubstr("86.1 ms for 2.16 GB to the GPU"));
  record.phases[0].end_s = record.phases[1].start_s = 0.6;
  EXPECT_THAT(sentences(record).at(1), HasSubstr("at least 0.69 s (derived): 0.60 s for"));
  record.reported.erase("pin_s");
  EXPECT_EQ(sentences(record).size(), 1U);
}

TEST(FloorUse, ABusSlowerThanStorageIsTheLimit) {
  records::Floor floor = with_gpu(floor_at(6e9));
  floor.gpu.transfers[0].to_gpu_best_bytes_per_s = 2.16e9;
  const auto said = sentences(server_trial(floor, true));
  EXPECT_THAT(said.at(0), HasSubstr("**10 %** of what the copies to the GPU, at 2.16 GB/s"));
}

// More of the path would not make the weights come sooner where the bus is the limit.
TEST(FloorUse, ToUseMoreOfThePathIsAdvisedOnlyWhereThePathIsTheLimit) {
  const auto advice = [](const records::Record& record) {
    const records::Dataset dataset = records::dataset_of({record});
    std::vector<std::string> said;
    for (const Advice& one : recommendations_of(findings::compare(dataset).at(0))) {
      said.push_back(to_string(one));
    }
    return said;
  };
  EXPECT_THAT(advice(server_trial(floor_at(6e9), false)),
              Contains(HasSubstr("**Ask `nvme` for more at once:**")));
  records::Floor floor = with_gpu(floor_at(6e9));
  floor.gpu.transfers[0].to_gpu_best_bytes_per_s = 2.16e9;
  EXPECT_THAT(advice(server_trial(floor, true)), Not(Contains(HasSubstr("for more at once"))));
}

TEST(FloorUse, MoreThanAllIsExplainedByWhatTheLimitIs) {
  EXPECT_THAT(
      sentences(server_trial(floor_at(108e6), false)).at(0),
      HasSubstr("the server read at **216 MB/s**, faster than this path delivers, 108 MB/s"));
  EXPECT_THAT(sentences(server_trial(floor_at(108e6), false)).at(0),
              HasSubstr("The path was slower when it was probed, or something cached"));
  records::Floor floor = with_gpu(floor_at(6e9));
  floor.gpu.transfers[0].to_gpu_best_bytes_per_s = 108e6;
  const auto said = sentences(server_trial(floor, true));
  EXPECT_THAT(said.at(0), HasSubstr("The floor is that of one GPU's bus"));
  EXPECT_THAT(said.at(0), Not(HasSubstr("The path was slower")));
}

TEST(FloorUse, SaysNothingWithoutTheNumbers) {
  EXPECT_THAT(sentences(server_trial(std::nullopt, false)), IsEmpty());
  records::Record without_phase = server_trial(floor_at(1e9), false);
  without_phase.phases.clear();
  without_phase.efficiency.reset();
  EXPECT_THAT(sentences(without_phase), IsEmpty());
  // On a GPU whose bus was not measured, the page cache says nothing of what is left.
  EXPECT_EQ(sentences(server_trial(floor_at(1e9), true)).size(), 1U);
}

// The same trial in an experiment of its own.
records::Record in_experiment(const std::string& id, const std::optional<records::Floor>& floor,
                              bool on_gpu) {
  records::Record record = server_trial(floor, on_gpu);
  record.experiment.id = id;
  return record;
}

std::vector<std::string> pooled(const std::vector<records::Record>& records) {
  const records::Dataset dataset = records::dataset_of(records);
  const auto comparisons = findings::compare(dataset);
  EXPECT_EQ(comparisons.size(), 1U);
  return floor_use_of(comparisons.at(0));
}

TEST(FloorUse, FloorsThatDifferBetweenPooledExperimentsAreARange) {
  const auto said = pooled({in_experiment("a", floor_at(2.16e9), false),
                            in_experiment("b", floor_at(432e6), false),
                            in_experiment("c", floor_at(432e6), false)});
  ASSERT_EQ(said.size(), 2U);
  // 10 %, 50 % and 50 %.
  EXPECT_THAT(said[0], HasSubstr("used **50 %** of what this path delivers, between 432 MB/s and "
                                 "2.16 GB/s (measured before each experiment)"));
}

TEST(FloorUse, BusesThatDifferBetweenPooledExperimentsAreARange) {
  records::Floor slow = with_gpu(floor_at(6e9));
  slow.gpu.transfers[0].to_gpu_best_bytes_per_s = 2.16e9;
  const auto said =
      pooled({in_experiment("a", slow, true), in_experiment("b", with_gpu(floor_at(6e9)), true)});
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[0], HasSubstr("of what this path and the copies to the GPU allow, between 2.16 "
                                 "GB/s and 6.00 GB/s (measured before each experiment)"));
  EXPECT_THAT(said[1], HasSubstr("to the GPU at between 2.16 GB/s and 25.1 GB/s (measured before "
                                 "each experiment)"));
}

TEST(FloorUse, AnExperimentWithoutAFloorKeepsTheOlderOne) {
  const std::vector<records::Record> records{in_experiment("a", floor_at(2.16e9), false),
                                             in_experiment("b", std::nullopt, false)};
  const auto said = pooled(records);
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[0], HasSubstr("**10 %** of what this path delivers, 2.16 GB/s (measured before "
                                 "the first run)"));
  EXPECT_THAT(said[0], HasSubstr("median of the 1 of 2 runs with a floor)"));
  const records::Dataset dataset = records::dataset_of(records);
  EXPECT_THAT(floor_table(findings::compare(dataset).at(0)),
              HasSubstr("when it was last measured"));
  EXPECT_THAT(floor_table(findings::compare(dataset).at(0)), HasSubstr("2.16 GB/s"));
}

TEST(FloorUse, AGivenRateIsCalledGiven) {
  records::Floor floor = floor_at(1e9);
  floor.given_bytes_per_s = 500e6;
  const std::string said = sentences(server_trial(floor, false)).at(0);
  EXPECT_THAT(said, HasSubstr("500 MB/s (given, not measured)"));
  EXPECT_THAT(said, Not(HasSubstr("measured before")));
}

TEST(FloorUse, TheTableSaysWhyAFloorIsMissing) {
  auto facts = experiment({arm("nvme")});
  facts.arms[0].no_floor_reason = "the mount hangs|";
  const records::Dataset dataset = records::dataset_of({cold_trial(facts, "nvme", 3)});
  EXPECT_THAT(floor_table(findings::compare(dataset).at(0)),
              HasSubstr("not measured: the mount hangs"));
}

TEST(FloorUse, AFloorSurvivesTheRecordsAndAnOldRecordHasNone) {
  const records::Record record = server_trial(with_gpu(floor_at(2.16e9)), true);
  const records::Record back = records::record_of_line(records::json_line_of(record));
  ASSERT_TRUE(back.experiment.arms[0].floor);
  EXPECT_EQ(records::to_json(*back.experiment.arms[0].floor),
            records::to_json(*record.experiment.arms[0].floor));
  EXPECT_EQ(back.floor_s, record.floor_s);
  std::string old = records::json_line_of(server_trial(std::nullopt, false));
  for (const std::string key : {R"("floor":null,)", R"(,"no_floor_reason":null)"}) {
    const std::size_t at = old.find(key);
    if (at != std::string::npos) old.erase(at, key.size());
  }
  EXPECT_FALSE(records::record_of_line(old).experiment.arms[0].floor);
}

}  // namespace
}  // namespace coldload::report
