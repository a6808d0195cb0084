#include "herd/node_verdict.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "herd/message.h"
#include "unit/records/records.h"

namespace coldload::herd {
namespace {

using records::Cold;
using records::Record;
using records::Status;
using ::testing::HasSubstr;

constexpr std::uint64_t k_launch_ns = 2'000'000'000;
constexpr std::uint64_t k_bytes = 1'000'000'000;

// Two servers of one node, of which the first read everything from the storage.
class TwoServers : public ::testing::Test {
 protected:
  TwoServers() {
    for (std::size_t i = 0; i < 2; ++i) {
      records_.push_back(cold_trial({}, "net", 3));
      results_[i].launched_ns = k_launch_ns;
      ServerEvidence evidence;
      evidence.cold.resident_bytes_before = 0;
      evidence.cold.needed_bytes = k_bytes;
      evidence.cold.counter_bytes = k_bytes;
      evidence.cold.counter_source = "nfs_mountstats";
      evidence.cold.counter_this_mount_only = true;
      evidence.cold.weights_resident_after = k_bytes;
      evidence.looked_ns = k_launch_ns - 500'000'000;
      results_[i].evidence = evidence;
    }
  }

  // Looked after the first server was launched, and saw what that had loaded.
  void second_looks_late() {
    results_[1].evidence->looked_ns = k_launch_ns + 300'000'000;
    saw_in_memory(1, 500'000'000);
  }

  void saw_in_memory(std::size_t server, std::uint64_t bytes) {
    results_[server].evidence->cold.resident_bytes_before = bytes;
    records_[server].resident_bytes_before = bytes;
    records_[server].status = Status::not_cold;
    records_[server].cold = Cold::not_cold;
    records_[server].reason = "500 MB stayed in memory";
  }

  void judge() { judge_as_one({&results_[0], &results_[1]}, policy_, records_); }

  measure::ColdPolicy policy_ = measure::ColdPolicy::verify;
  std::array<NodeResult, 2> results_;
  std::vector<Record> records_;
};

TEST_F(TwoServers, WhatOneSeesAfterTheOtherWasLaunchedDoesNotCount) {
  second_looks_late();
  judge();
  for (const Record& record : records_) {
    EXPECT_EQ(record.status, Status::ok) << record.reason;
    EXPECT_EQ(record.cold, Cold::verified);
    EXPECT_EQ(record.resident_bytes_before, 0U);
    EXPECT_EQ(record.storage_bytes_source, "nfs_mountstats");
  }
}

TEST_F(TwoServers, WhatOneSeesBeforeTheLaunchMakesNoneOfThemCold) {
  saw_in_memory(1, 500'000'000);
  judge();
  for (const Record& record : records_) {
    EXPECT_EQ(record.status, Status::not_cold);
    EXPECT_EQ(record.cold, Cold::not_cold);
    EXPECT_EQ(record.resident_bytes_before, 500'000'000U);
    EXPECT_THAT(record.reason, HasSubstr("500 MB stayed in memory"));
  }
}

TEST_F(TwoServers, TheFirstLookIsBelievedWhereAllCameTooLate) {
  second_looks_late();
  results_[0].evidence->looked_ns = k_launch_ns + 100'000'000;
  judge();
  EXPECT_EQ(records_[1].status, Status::ok) << "nothing was in memory even then";
  saw_in_memory(0, 100'000'000);
  judge();
  EXPECT_EQ(records_[1].status, Status::not_cold);
}

TEST_F(TwoServers, AreMeasuredAllTheSameWhereColdIsNotAskedFor) {
  saw_in_memory(0, 500'000'000);
  policy_ = measure::ColdPolicy::off;
  judge();
  EXPECT_EQ(records_[0].status, Status::ok);
  EXPECT_EQ(records_[0].cold, Cold::off);
}

TEST_F(TwoServers, StoodStillWhereOneOfTheirRanksDid) {
  results_[1].evidence->stopped_ns = 3'000'000'000;
  judge();
  EXPECT_EQ(records_[0].status, Status::not_cold);
  EXPECT_THAT(records_[0].reason, HasSubstr("coldload itself stood still for 3"));
}

TEST(ServerEvidence, ComesOverAsItIs) {
  ServerEvidence sent;
  sent.cold.weights_read = measure::WeightsRead::hardly;
  sent.cold.leftovers = {{"/m/a", 4096, 1, {"process 7 (x) maps it"}}};
  sent.cold.observed.foreign_readers = {"process 8 (y)"};
  sent.cold.observed.target_bytes = 5;
  sent.cold.cache_can_hold = false;
  sent.cold.no_counter_reason = "none";
  sent.looked_ns = 7;
  NodeResult result;
  result.evidence = sent;
  const ServerEvidence came = from_message<NodeResult>(to_message(result)).evidence.value();
  EXPECT_EQ(came.cold.weights_read, measure::WeightsRead::hardly);
  EXPECT_EQ(came.cold.leftovers.at(0).holders, sent.cold.leftovers[0].holders);
  EXPECT_EQ(came.cold.observed.foreign_readers, sent.cold.observed.foreign_readers);
  EXPECT_EQ(came.cold.observed.target_bytes, 5U);
  EXPECT_FALSE(came.cold.cache_can_hold);
  EXPECT_EQ(came.cold.no_counter_reason, "none");
  EXPECT_EQ(came.cold.counter_bytes, std::nullopt);
  EXPECT_EQ(came.looked_ns, 7U);
}

}  // namespace
}  // namespace coldload::herd
