#include "stand_in/read_faults.h"

#include <vector>

#include <gtest/gtest.h>

namespace coldload::stand_in {
namespace {

std::vector<bool> failures(const ReadFaults& faults, int requests) {
  FaultGate gate(faults);
  std::vector<bool> failed;
  for (int i = 0; i < requests; ++i) failed.push_back(gate.decide(4096) == ReadFate::fail);
  return failed;
}

int count(const std::vector<bool>& failed) {
  int sum = 0;
  for (const bool one : failed) sum += one ? 1 : 0;
  return sum;
}

TEST(FaultGate, ServesAllWhereNothingIsAskedFor) {
  EXPECT_FALSE(ReadFaults().any());
  EXPECT_EQ(count(failures({}, 1000)), 0);
}

TEST(FaultGate, FailsTheFirstRequestThatGoesBeyondAndAllAfterIt) {
  FaultGate gate({10000});
  EXPECT_EQ(gate.decide(4096), ReadFate::serve);
  EXPECT_EQ(gate.decide(4096), ReadFate::serve);
  EXPECT_EQ(gate.decide(4096), ReadFate::fail);
  EXPECT_EQ(gate.decide(1), ReadFate::fail);
  FaultGate exact({8192});
  EXPECT_EQ(exact.decide(8192), ReadFate::serve);
  EXPECT_EQ(exact.decide(1), ReadFate::fail);
}

TEST(FaultGate, HangsForGoodAndRatherThanFails) {
  FaultGate gate({8192, 4096});
  EXPECT_EQ(gate.decide(4096), ReadFate::serve);
  EXPECT_EQ(gate.decide(4096), ReadFate::hang);
  EXPECT_EQ(gate.decide(1), ReadFate::hang);
}

TEST(FaultGate, FailsItsShareTheSameRequestsForTheSameSeed) {
  const ReadFaults faults{{}, {}, 0.1, 5};
  const auto first = failures(faults, 20000);
  EXPECT_EQ(first, failures(faults, 20000));
  EXPECT_NEAR(count(first), 2000, 300);
  EXPECT_NE(first, failures({{}, {}, 0.1, 6}, 20000));
  EXPECT_EQ(count(failures({{}, {}, 1.0, 5}, 1000)), 1000);
}

TEST(FaultGate, DoesNotCountBytesThatFailed) {
  FaultGate gate({4096, {}, 0.5, 1});
  int served = 0;
  for (int i = 0; i < 100; ++i) served += gate.decide(4096) == ReadFate::serve ? 1 : 0;
  EXPECT_EQ(served, 1);
}

}  // namespace
}  // namespace coldload::stand_in
