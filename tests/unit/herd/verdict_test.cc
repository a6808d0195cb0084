#include "herd/verdict.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "records/json_lines.h"
#include "unit/records/records.h"

namespace coldload::herd {
namespace {

using records::Cold;
using records::Record;
using records::Status;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

std::string name_of(int rank) { return fmt::format("rank {}", rank); }

// What a node tells of a cold start.
NodeResult node_with(const Record& record, std::uint64_t launched_ns = 1'000'000'000) {
  NodeResult node;
  node.record = records::json_line_of(record);
  node.launched_ns = launched_ns;
  return node;
}

// Of its experiment a node knows the id alone.
Record cold_record() {
  Record record = cold_trial({}, "net", 3);
  record.experiment.id = "20250307T101112Z-4af1";
  return record;
}

Record failed_record() {
  Record record = cold_record();
  record.status = Status::failed;
  record.cold = Cold::unknown;
  record.load_s.reset();
  record.reason = "exit code 7";
  return record;
}

Record warm_record() {
  Record record = cold_record();
  record.status = Status::not_cold;
  record.cold = Cold::not_cold;
  record.reason = "5 MB were in memory";
  return record;
}

HerdTrial judged(const std::vector<int>& members, const std::vector<NodeResult>& nodes,
                 measure::ColdPolicy cold = measure::ColdPolicy::verify) {
  HerdSlot slot{1, {}};
  for (const int member : members) {
    slot.nodes.push_back({static_cast<std::uint64_t>(member), {member}});
  }
  return judge(slot, nodes, {"a", "b", "c"}, name_of, cold);
}

TEST(HerdVerdict, EachMemberHasARecordWithItsPart) {
  NodeResult idle;
  idle.came_bytes = 0;
  const HerdTrial trial =
      judged({0, 2}, {node_with(cold_record(), 1'003'000'000), idle, node_with(cold_record())});
  EXPECT_TRUE(trial.problems.empty());
  ASSERT_EQ(trial.records.size(), 2U);
  EXPECT_EQ(trial.records[1].herd->rank, 2U);
  EXPECT_EQ(trial.records[1].herd->host, "c");
  EXPECT_EQ(trial.records[1].herd->size, 2U);
  EXPECT_THAT(trial.records[1].herd->launch_skew_s, Optional(0.0));
  EXPECT_THAT(trial.records[0].herd->launch_skew_s, Optional(0.003));
  EXPECT_EQ(trial.records[0].status, Status::ok);
  EXPECT_TRUE(trial.records[0].remarks.empty());
}

TEST(HerdVerdict, OneNodeThatWasNotColdMakesNoneOfThemCold) {
  const HerdTrial trial = judged({0, 1}, {node_with(cold_record()), node_with(warm_record())});
  EXPECT_EQ(trial.records[0].status, Status::not_cold);
  EXPECT_EQ(trial.records[0].reason, "rank 1 was not cold: 5 MB were in memory");
  EXPECT_EQ(trial.records[1].reason, "5 MB were in memory") << "its own";
}

TEST(HerdVerdict, OneNodeThatFailedFailsThemAll) {
  const HerdTrial trial = judged(
      {0, 1, 2}, {node_with(warm_record()), node_with(failed_record()), node_with(cold_record())});
  for (const Record& record : trial.records) EXPECT_EQ(record.status, Status::failed);
  EXPECT_EQ(trial.records[0].reason, "rank 1 failed: exit code 7");
  EXPECT_EQ(trial.records[2].reason, "rank 1 failed: exit code 7");
}

TEST(HerdVerdict, ANodeThatReadsThoughItShouldIdleIsOneMore) {
  NodeResult idle;
  idle.came_bytes = 5'000'000;
  const HerdTrial trial = judged({1}, {idle, node_with(cold_record())});
  EXPECT_EQ(trial.records.front().status, Status::not_cold);
  EXPECT_THAT(trial.records.front().reason, HasSubstr("rank 0 should have idled, and 5.00 MB"));
  EXPECT_THAT(judged({1}, {NodeResult(), node_with(cold_record())}).records.front().reason,
              HasSubstr("cannot be seen"));
  EXPECT_EQ(judged({1}, {idle, node_with(cold_record())}, measure::ColdPolicy::best_effort)
                .records.front()
                .status,
            Status::ok);
}

// One of two that share a page cache: it read `read_bytes` of 1 GB from storage itself.
NodeResult server_with(const Record& record, std::uint64_t read_bytes) {
  NodeResult server = node_with(record);
  ServerEvidence evidence;
  evidence.cold.resident_bytes_before = 0;
  evidence.cold.needed_bytes = 1'000'000'000;
  evidence.cold.observed.target_bytes = read_bytes;
  evidence.cold.processes_are_charged = true;
  evidence.cold.weights_resident_after = 1'000'000'000;
  evidence.looked_ns = *server.launched_ns - 500'000'000;
  server.evidence = evidence;
  return server;
}

HerdTrial judged_as_nodes(const std::vector<NodeResult>& servers) {
  return judge({1, {{0, {0, 1}}, {1, {2, 3}}}}, servers, {"a", "a", "b", "b"}, name_of,
               measure::ColdPolicy::verify);
}

TEST(HerdVerdict, ServersOfOneNodeAreColdTogether) {
  const Record alone = warm_record();  // each by itself read too little
  const HerdTrial trial =
      judged_as_nodes({server_with(alone, 400'000'000), server_with(alone, 600'000'000),
                       server_with(alone, 1'000'000'000), server_with(alone, 0)});
  ASSERT_EQ(trial.records.size(), 4U);
  for (const Record& record : trial.records) {
    EXPECT_EQ(record.status, Status::ok) << record.reason;
    EXPECT_EQ(record.cold, Cold::verified);
    EXPECT_EQ(record.storage_bytes_read, 1'000'000'000U) << "what the node read";
    EXPECT_EQ(record.reason, "");
    EXPECT_EQ(record.herd->size, 2U);
    EXPECT_EQ(record.herd->per_node, 2U);
  }
  EXPECT_EQ(trial.records[1].herd->node, 0U);
  EXPECT_EQ(trial.records[2].herd->node, 1U);
}

TEST(HerdVerdict, ANodeWhoseServersReadTooLittleTogetherIsNotCold) {
  const Record alone = cold_record();
  const HerdTrial trial =
      judged_as_nodes({server_with(alone, 1'000'000'000), server_with(alone, 0),
                       server_with(alone, 400'000'000), server_with(alone, 500'000'000)});
  for (const Record& record : trial.records) EXPECT_EQ(record.status, Status::not_cold);
  EXPECT_THAT(trial.records[2].reason, HasSubstr("read 900 MB from storage"));
  EXPECT_EQ(trial.records[3].reason, trial.records[2].reason);
  EXPECT_EQ(trial.records[0].reason, "rank 2 was not cold: " + trial.records[2].reason);
}

TEST(HerdVerdict, AServerThatFailsLeavesTheColdOfItsNodeOpen) {
  NodeResult failed = node_with(failed_record());
  const HerdTrial trial =
      judged_as_nodes({server_with(warm_record(), 1'000'000'000), failed,
                       server_with(cold_record(), 1'000'000'000), server_with(cold_record(), 0)});
  for (const Record& record : trial.records) EXPECT_EQ(record.status, Status::failed);
  EXPECT_EQ(trial.records[0].reason, "rank 1 failed: exit code 7");
  EXPECT_EQ(trial.records[0].cold, Cold::unknown);
}

TEST(HerdVerdict, ALateLaunchIsSaid) {
  const HerdTrial trial =
      judged({0, 1}, {node_with(cold_record()), node_with(cold_record(), 1'063'000'000)});
  EXPECT_TRUE(trial.records[0].remarks.empty());
  EXPECT_THAT(trial.records[1].remarks, ElementsAre("launched 63 ms later than the first node"));
}

TEST(HerdVerdict, ANodeThatCouldNotBeginMakesNoTrial) {
  NodeResult broken;
  broken.problem = "--prepare of net failed (exit code 1): false";
  const HerdTrial trial = judged({0, 1}, {node_with(cold_record()), broken});
  EXPECT_THAT(trial.problems, ElementsAre("rank 1: --prepare of net failed (exit code 1): false"));
  EXPECT_TRUE(trial.records.empty());
}

}  // namespace
}  // namespace coldload::herd
