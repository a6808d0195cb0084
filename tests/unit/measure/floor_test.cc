#include "measure/floor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measure/arm_floor.h"
#include "os/error.h"
#include "records/trial_figures.h"

namespace coldload::measure {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

records::Floor example() {
  records::Floor floor;
  floor.reads.direct = false;
  floor.reads.not_direct_reason = "the file system refuses O_DIRECT";
  floor.reads.levels = {{1, {1e9, "", 5, 0.5}}, {8, {std::nullopt, "no time", 0, 0}}};
  floor.reads.sequential = {2e9, "", 7, 0.25};
  floor.reads.latency = {0.001, std::nullopt, "", 50};
  floor.reads.page_cache = {10e9, "", 9, 0.125};
  floor.reads.page_cache_threads = 4;
  floor.gpu.index = 1;
  floor.gpu.name = "A GPU";
  floor.gpu.context_s = 0.25;
  floor.gpu.transfers = {{std::nullopt, 4e9, 3e9, 2e9, 1e9, ""},
                         {1, 5e9, 3e9, 2e9, 1e9, ""},
                         {0, {}, {}, {}, {}, "no"}};
  floor.remarks = {"zfs caches"};
  return floor;
}

TEST(Floor, IsBytesOverTheSmallerRate) {
  const records::Floor floor = example();
  EXPECT_EQ(records::floor_seconds(floor, 10'000'000'000, records::FloorKind::cold,
                                   records::Destination::gpu),
            5);
  EXPECT_EQ(records::floor_seconds(floor, 10'000'000'000, records::FloorKind::warm,
                                   records::Destination::gpu),
            2);
  EXPECT_EQ(records::floor_seconds(floor, 10'000'000'000, records::FloorKind::warm,
                                   records::Destination::host),
            1);
}

TEST(Floor, IsNothingWhereTheSourceIsNotKnown) {
  records::Floor floor = example();
  floor.reads.levels.clear();
  floor.reads.sequential = {};
  EXPECT_FALSE(
      records::floor_seconds(floor, 1000, records::FloorKind::cold, records::Destination::gpu));
  EXPECT_TRUE(
      records::floor_seconds(floor, 1000, records::FloorKind::warm, records::Destination::gpu));
  EXPECT_FALSE(
      records::floor_seconds(floor, 0, records::FloorKind::warm, records::Destination::gpu));
}

TEST(Floor, OfAPacedStandInIsTheGivenRateAndOfMemoryThePageCache) {
  records::Floor floor = example();
  floor.memory_backed = true;
  EXPECT_EQ(records::floor_seconds(floor, 10'000'000'000, records::FloorKind::cold,
                                   records::Destination::host),
            1);
  floor.given_bytes_per_s = 100e6;
  EXPECT_EQ(records::floor_seconds(floor, 10'000'000'000, records::FloorKind::cold,
                                   records::Destination::host),
            100);
}

TEST(Floor, IsReadBackAsItWasWritten) {
  records::Floor floor = example();
  EXPECT_EQ(to_json(records::floor_from_json(to_json(floor))), to_json(floor));
  floor.given_bytes_per_s = 100e6;
  EXPECT_EQ(records::floor_from_json(to_json(floor)).storage_bytes_per_s(), 100e6);
  floor = {};
  EXPECT_EQ(to_json(records::floor_from_json(to_json(floor))), to_json(floor));
}

TEST(Floor, OfAnotherVersionOrOfNonsenseIsEmptyNotWrong) {
  const auto parse = [](const char* text) {
    return records::floor_from_json(text::parse_json(text, nullptr)->get_object());
  };
  const records::Floor floor =
      parse(R"({"storage":{"levels":[1,{"in_flight":"x"},{"in_flight":2,"bytes_per_s":-4}],)"
            R"("sequential":7,"basis":"given"},"page_cache":[],"gpu":null,"new":1})");
  EXPECT_FALSE(floor.storage_bytes_per_s());
  EXPECT_FALSE(floor.reads.page_cache.bytes_per_s);
  EXPECT_THROW(static_cast<void>(parse_floor_output("no JSON")), os::Error);
}

TEST(Floor, TheBudgetFitsIntoTheTime) {
  for (const int seconds : {1, 3, 7, 8, 20, 600}) {
    const FloorBudget budget = floor_budget(std::chrono::seconds(seconds));
    const storage::ReadProbeOptions& reads = budget.reads;
    const auto sum = reads.level_time * reads.in_flight.size() + reads.sequential_time +
                     reads.latency_time + reads.page_cache_time + budget.gpu;
    EXPECT_LT(sum, std::chrono::seconds(seconds));
    EXPECT_GT(sum, std::chrono::milliseconds(700 * seconds));
  }
}

TEST(GpuFloor, ReadsTheKernelsListOfNodes) {
  EXPECT_THAT(parse_node_list("0"), ElementsAre(0));
  EXPECT_THAT(parse_node_list("0-2,7"), ElementsAre(0, 1, 2, 7));
  EXPECT_THAT(parse_node_list(""), IsEmpty());
  EXPECT_THAT(parse_node_list("0-x"), IsEmpty());
  EXPECT_THAT(parse_node_list("0-99999999"), IsEmpty());
}

records::Record trial(records::Cold cold) {
  records::Record record;
  record.cold = cold;
  record.load_s = 30;
  record.checkpoint_bytes = 10'000'000'000;
  record.phases = {{"weights", 5, 9, "log"}, {"weights", 10, 16, "log"}};
  return record;
}

TEST(ApplyFloor, EfficiencyIsOfTheWeightsPhase) {
  records::ArmFacts arm;
  arm.floor = example();
  records::Record record = trial(records::Cold::verified);
  records::apply_floor(arm, "vllm", &record);
  EXPECT_EQ(record.floor_s, 5);
  EXPECT_EQ(record.efficiency, 0.5);
  record = trial(records::Cold::warm);
  record.gpu_mem_used_mb = 1000;
  records::apply_floor(arm, "vllm", &record);
  EXPECT_EQ(record.floor_s, 2);
  record = trial(records::Cold::verified);
  records::apply_floor(arm, "native", &record);
  EXPECT_DOUBLE_EQ(*record.efficiency, 5.0 / 30);
}

TEST(ApplyFloor, ThereIsNoEfficiencyWithoutAPhaseOrOfATrialThatIsNotWhatItClaims) {
  records::ArmFacts arm;
  arm.floor = example();
  records::Record record = trial(records::Cold::verified);
  record.phases.clear();
  records::apply_floor(arm, "vllm", &record);
  EXPECT_EQ(record.floor_s, 5);
  EXPECT_FALSE(record.efficiency);
  record = trial(records::Cold::not_cold);
  record.status = records::Status::not_cold;
  records::apply_floor(arm, "vllm", &record);
  EXPECT_FALSE(record.efficiency);
  record = trial(records::Cold::verified);
  records::apply_floor(records::ArmFacts(), "vllm", &record);
  EXPECT_FALSE(record.floor_s);
}

}  // namespace
}  // namespace coldload::measure
