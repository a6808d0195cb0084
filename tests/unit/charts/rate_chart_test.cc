#include "charts/rate_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden/golden.h"
#include "unit/records/records.h"

namespace coldload::charts {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RateChart, ShowsEveryMeasuredLevelAndTheOneReader) {
  storage::ReadFigures figures = floor_at(3.4e9).reads;
  figures.levels = {{1, {0.9e9, "", 0, 0}},  {2, {1.7e9, "", 0, 0}},
                    {4, {2.6e9, "", 0, 0}},  {8, {3.2e9, "", 0, 0}},
                    {16, {3.4e9, "", 0, 0}}, {32, {std::nullopt, "too small", 0, 0}}};
  golden::expect_golden("rate_chart.svg", rate_chart(figures, "/mnt/nvme/Llama-3.1-8B"));
}

TEST(RateChart, EscapesWhatItIsAboutAndSaysWhereNothingWasMeasured) {
  const std::string chart = rate_chart({}, "/mnt/<script>\"&\x1b");
  EXPECT_THAT(chart, HasSubstr("/mnt/&lt;script&gt;&quot;&amp;"));
  EXPECT_THAT(chart, HasSubstr("not measured"));
  EXPECT_THAT(chart, Not(HasSubstr("\x1b")));
}

TEST(RateChart, TheReadersLabelKeepsClearOfTheCurve) {
  storage::ReadFigures figures;
  figures.levels = {{1, {1.0e9, "", 0, 0}}, {8, {2.1e9, "", 0, 0}}, {64, {2.1e9, "", 0, 0}}};
  figures.sequential.bytes_per_s = 2.0e9;  // at 90.8; the curve is 9 above it
  EXPECT_THAT(rate_chart(figures, "x"), HasSubstr("d=\"M84.0 90.8H540.0\""));
  EXPECT_THAT(rate_chart(figures, "x"), HasSubstr("x=\"540.0\" y=\"104.8\""));
}

TEST(RateChart, OneLevelIsEnough) {
  storage::ReadFigures figures;
  figures.levels = {{1, {100e6, "", 0, 0}}};
  EXPECT_THAT(rate_chart(figures, "x"), HasSubstr("1: 100 MB/s"));
  EXPECT_THAT(rate_chart(figures, "x"), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace coldload::charts
