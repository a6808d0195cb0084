#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "charts/comparison_charts.h"
#include "findings/compare.h"
#include "unit/records/records.h"

namespace coldload::charts {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Three herds of each size; from two nodes on the storage is the limit.
std::string chart_of_herds(const std::vector<std::size_t>& sizes, bool with_counter = true,
                           const std::string& label = "net") {
  const records::ExperimentFacts facts = experiment({arm(label)});
  std::vector<records::Record> records;
  std::uint64_t position = 0;
  for (int run = 0; run < 3; ++run) {
    for (const std::size_t size : sizes) {
      const double load_s = 2 * std::max(1.0, static_cast<double>(size) / 2) + 0.01 * run;
      for (records::Record& record :
           herd_trial(facts, label, ++position, std::vector<double>(size, load_s))) {
        if (!with_counter) record.storage_bytes_read = std::nullopt;
        records.push_back(std::move(record));
      }
    }
  }
  const records::Dataset dataset = records::dataset_of(std::move(records));
  return herd_chart(findings::compare(dataset).front(), Place::wide);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(HerdChart, HasADotForEveryHerdAndTheModelInBothPanels) {
  const std::string picture = chart_of_herds({1, 2, 4});
  EXPECT_EQ(count_of(picture, " at once: "), 2U * 9U);
  EXPECT_EQ(count_of(picture, "<path class=\"line a0\""), 3U) << "one of them in the legend";
  EXPECT_THAT(picture, HasSubstr("launch to ready, of all nodes"));
  EXPECT_THAT(picture, HasSubstr("what all nodes read together"));
  EXPECT_THAT(picture, HasSubstr("net, model (derived)"));
}

TEST(HerdChart, HasNoLineWithoutAModel) {
  const std::string picture = chart_of_herds({2, 4});
  EXPECT_EQ(count_of(picture, " at once: "), 2U * 6U);
  EXPECT_EQ(count_of(picture, "<path class=\"line"), 0U);
  EXPECT_THAT(picture, Not(HasSubstr("derived")));
}

TEST(HerdChart, HasNoPanelOfWhatIsNotKnown) {
  const std::string picture = chart_of_herds({1, 4}, false);
  EXPECT_THAT(picture, HasSubstr("launch to ready, of all nodes"));
  EXPECT_THAT(picture, Not(HasSubstr("read together")));
}

TEST(HerdChart, IsNoneOfOneSizeOrWithoutHerds) {
  EXPECT_THAT(chart_of_herds({4}), IsEmpty());
  const records::ExperimentFacts facts = experiment({arm("net")});
  const records::Dataset dataset = records::dataset_of(numbered({cold_trial(facts, "net", 3)}));
  EXPECT_THAT(herd_chart(findings::compare(dataset).front(), Place::wide), IsEmpty());
}

// "1" beside "2" of 256 would lie on one another.
TEST(HerdChart, LeavesOutFiguresThatWouldMeet) {
  const std::string picture = chart_of_herds({1, 2, 256});
  EXPECT_THAT(picture, HasSubstr(">256</text>"));
  EXPECT_THAT(picture, HasSubstr(">2</text>"));
  EXPECT_THAT(picture, Not(HasSubstr(">1</text>")));
}

TEST(HerdChart, TakesNoMarkupFromALabel) {
  EXPECT_THAT(chart_of_herds({1, 2}, true, "<b>"), Not(HasSubstr("<b>")));
}

}  // namespace
}  // namespace coldload::charts
