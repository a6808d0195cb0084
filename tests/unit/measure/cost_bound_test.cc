#include "measure/cost_bound.h"

#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Asks whenever it is allowed to, tick by tick; returns the looks.
int looks_in(CostBound* bound, os::Clock::duration span, os::Clock::duration cost) {
  int looks = 0;
  const os::TimePoint begin{seconds(1000)};
  for (os::TimePoint now = begin; now < begin + span; now += milliseconds(10)) {
    if (!bound->due(now)) continue;
    bound->ran(now, cost);
    ++looks;
  }
  return looks;
}

TEST(CostBound, WhatIsCheapIsAskedAtTheFloor) {
  CostBound bound(0.01, milliseconds(100));
  EXPECT_EQ(looks_in(&bound, seconds(10), microseconds(1)), 100);
}

TEST(CostBound, WhatIsDearKeepsToItsShare) {
  CostBound bound(0.001);
  // A share of 0.001 is 100 ms in 100 s, and half a millisecond of credit.
  EXPECT_NEAR(looks_in(&bound, seconds(100), milliseconds(5)), 100.5 / 5, 1);
}

TEST(CostBound, AFirstLookWithinTheCreditPutsNothingOff) {
  CostBound bound(0.01);
  const os::TimePoint begin{seconds(1000)};
  EXPECT_TRUE(bound.due(begin));
  bound.ran(begin, milliseconds(5));
  EXPECT_TRUE(bound.due(begin + milliseconds(1)));
  bound.ran(begin + milliseconds(1), milliseconds(10));
  EXPECT_FALSE(bound.due(begin + milliseconds(999)));
  EXPECT_TRUE(bound.due(begin + seconds(1)));
}

TEST(CostBound, OneDearLookDoesNotPutOffAllOthers) {
  CostBound bound(0.001, {}, seconds(5));
  const os::TimePoint begin{seconds(1000)};
  bound.ran(begin, milliseconds(300));  // worth five minutes
  EXPECT_FALSE(bound.due(begin + seconds(4)));
  EXPECT_TRUE(bound.due(begin + seconds(5)));
}

}  // namespace
}  // namespace coldload::measure
