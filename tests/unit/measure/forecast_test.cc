#include "measure/forecast.h"

#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using Trials = std::vector<std::string>;

TEST(Forecast, IsNothingWhereNothingIsKnown) {
  EXPECT_FALSE(Forecast().of(Trials{"net", "net"}));
  EXPECT_FALSE(Forecast().expected_s("net"));
}

TEST(Forecast, IsTheMedianOfWhatSuchTrialsTookHere) {
  Forecast forecast;
  for (const double seconds : {10.0, 90.0, 12.0}) forecast.took("net", seconds);
  EXPECT_EQ(forecast.expected_s("net"), 12);
  const auto time = forecast.of(Trials{"net", "net"});
  ASSERT_TRUE(time);
  EXPECT_EQ(time->seconds, 24);
  EXPECT_FALSE(time->at_least);
}

TEST(Forecast, OfWhatWasNotMadeYetIsTheLeastAndSaysSo) {
  Forecast forecast;
  forecast.knows_least("net", 30);
  forecast.knows_least("net", 20);  // the largest of several bounds
  EXPECT_FALSE(forecast.expected_s("net"));
  const auto time = forecast.of(Trials{"net", "nvme"});
  ASSERT_TRUE(time);
  EXPECT_EQ(time->seconds, 30);
  EXPECT_TRUE(time->at_least);
  forecast.took("net", 35);
  EXPECT_EQ(forecast.of(Trials{"net"})->seconds, 35);
  EXPECT_FALSE(forecast.of(Trials{"net"})->at_least);
}

}  // namespace
}  // namespace coldload::measure
