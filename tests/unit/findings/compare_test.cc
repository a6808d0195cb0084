#include "findings/compare.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace coldload::findings {
namespace {

TEST(Compare, MakesTheLatestOfManyThatDoNotGoTogetherAndCountsTheRest) {
  constexpr std::size_t k_more = 3;
  std::vector<records::Record> records;
  for (std::size_t number = 0; number < k_most_comparisons + k_more; ++number) {
    records::Record record;
    record.experiment.id = record.started_at = fmt::format("e{:05}", number);
    record.run_id = 1;
    record.arm = record.storage_mode = "a";
    record.model = fmt::format("m{}", number);
    records.push_back(record);
  }
  const records::Dataset dataset = records::dataset_of(records);
  const std::vector<Comparison> comparisons = compare(dataset);
  ASSERT_EQ(comparisons.size(), k_most_comparisons);
  EXPECT_EQ(comparisons.front().model, records.back().model);
  EXPECT_EQ(comparisons.back().model, fmt::format("m{}", k_more));
  EXPECT_EQ(comparisons.front().not_made, k_more);
}

}  // namespace
}  // namespace coldload::findings
