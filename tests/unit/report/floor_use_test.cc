#include "report/floor_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/json_lines.h"
#include "unit/report/report_cases.h"

namespace coldload::report {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A server whose weights phase took 10 of 30 s, 2.16 GB, with this floor.
measure::Record server_trial(const std::optional<measure::Floor>& floor, bool on_gpu) {
  auto facts = experiment({arm("nvme")});
  facts.target = "vllm";
  facts.arms[0].floor = floor;
  measure::Record record = cold_trial(facts, "nvme", 30);
  record.run_id = 1;
  record.phases = {{"start", 0, 5, "log"}, {"weights", 5, 15, "log"}};
  if (on_gpu) record.gpu_mem_used_mb = 8000;
  measure::apply_floor(facts.arms[0], facts.target, &record);
  return record;
}

std::vector<std::string> sentences(const measure::Record& record) {
  const Dataset dataset = dataset_of({record});
  return floor_use_of(compare(dataset).at(0));
}

TEST(FloorUse, SaysHowMuchOfThePathWasUsedAndWhatFastStorageLeaves) {
  const auto said = sentences(server_trial(floor_at(2.16e9), false));
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[0], HasSubstr("the server used **10 %** of what this path delivers, 2.16 GB/s"));
  EXPECT_THAT(said[0], HasSubstr("2.16 GB in 10.0 s (the weights phase, median, measured)"));
  // 20 s of the rest, and 2.16 GB at 12.5 GB/s.
  EXPECT_THAT(said[1], HasSubstr("still wait 20.2 s (derived): 20.0 s"));
  EXPECT_THAT(said[1], HasSubstr("from the page cache at 12.5 GB/s"));
}

TEST(FloorUse, WithAGpuTheBusIsWhatIsLeft) {
  const auto said = sentences(server_trial(with_gpu(floor_at(2.16e9)), true));
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[1], HasSubstr("to the GPU at 25.1 GB/s"));
}

TEST(FloorUse, ABusSlowerThanStorageIsTheLimit) {
  measure::Floor floor = with_gpu(floor_at(6e9));
  floor.gpu.transfers[0].to_gpu_best_bytes_per_s = 2.16e9;
  const auto said = sentences(server_trial(floor, true));
  EXPECT_THAT(said.at(0), HasSubstr("**10 %** of what the copies to the GPU, at 2.16 GB/s"));
}

TEST(FloorUse, SaysNothingWithoutTheNumbers) {
  EXPECT_THAT(sentences(server_trial(std::nullopt, false)), IsEmpty());
  measure::Record without_phase = server_trial(floor_at(1e9), false);
  without_phase.phases.clear();
  without_phase.efficiency.reset();
  EXPECT_THAT(sentences(without_phase), IsEmpty());
  // On a GPU whose bus was not measured, the page cache says nothing of what is left.
  EXPECT_EQ(sentences(server_trial(floor_at(1e9), true)).size(), 1U);
}

TEST(FloorUse, AGivenRateIsCalledGiven) {
  measure::Floor floor = floor_at(1e9);
  floor.given_bytes_per_s = 500e6;
  const std::string said = sentences(server_trial(floor, false)).at(0);
  EXPECT_THAT(said, HasSubstr("500 MB/s (given, not measured)"));
  EXPECT_THAT(said, Not(HasSubstr("measured before")));
}

TEST(FloorUse, TheTableSaysWhyAFloorIsMissing) {
  auto facts = experiment({arm("nvme")});
  facts.arms[0].no_floor_reason = "the mount hangs|";
  const Dataset dataset = dataset_of({cold_trial(facts, "nvme", 3)});
  EXPECT_THAT(floor_table(compare(dataset).at(0)), HasSubstr("not measured: the mount hangs"));
}

TEST(FloorUse, AFloorSurvivesTheRecordsAndAnOldRecordHasNone) {
  const measure::Record record = server_trial(with_gpu(floor_at(2.16e9)), true);
  const measure::Record back = record_of_line(json_line_of(record));
  ASSERT_TRUE(back.experiment.arms[0].floor);
  EXPECT_EQ(measure::to_json(*back.experiment.arms[0].floor),
            measure::to_json(*record.experiment.arms[0].floor));
  EXPECT_EQ(back.floor_s, record.floor_s);
  std::string old = json_line_of(server_trial(std::nullopt, false));
  for (const std::string key : {R"("floor":null,)", R"(,"no_floor_reason":null)"}) {
    const std::size_t at = old.find(key);
    if (at != std::string::npos) old.erase(at, key.size());
  }
  EXPECT_FALSE(record_of_line(old).experiment.arms[0].floor);
}

}  // namespace
}  // namespace coldload::report
