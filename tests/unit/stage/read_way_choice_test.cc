#include "stage/read_way_choice.h"

#include <gtest/gtest.h>

namespace coldload::stage {
namespace {

using std::chrono::milliseconds;

// Both ways tried by two threads, each chunk taking that long.
ReadWay chosen(milliseconds direct, milliseconds buffered) {
  ReadWayChoice choice(2);
  for (int i = 0; i < 4; ++i) {
    const ReadWay way = choice.next();
    EXPECT_EQ(way, i < 2 ? ReadWay::direct : ReadWay::buffered);
    choice.ran(way, way == ReadWay::direct ? direct : buffered);
  }
  EXPECT_EQ(choice.next(), choice.best());
  return choice.best();
}

TEST(ReadWayChoice, TheFasterWayWinsAndTheCacheMustBeWorthIt) {
  EXPECT_EQ(chosen(milliseconds(100), milliseconds(50)), ReadWay::buffered);
  EXPECT_EQ(chosen(milliseconds(50), milliseconds(100)), ReadWay::direct);
  EXPECT_EQ(chosen(milliseconds(100), milliseconds(98)), ReadWay::direct);
}

TEST(ReadWayChoice, WhatNeverRanIsNotChosen) {
  ReadWayChoice choice(1);
  EXPECT_EQ(choice.best(), ReadWay::direct);
  choice.ran(ReadWay::buffered, milliseconds(1));
  EXPECT_EQ(choice.best(), ReadWay::buffered);
}

}  // namespace
}  // namespace coldload::stage
