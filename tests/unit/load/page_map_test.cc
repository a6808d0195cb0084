#include "load/page_map.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "load/layout.h"
#include "os/mapping.h"

namespace coldload::load {
namespace {

using Runs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Runs absent(const PageMap& map, std::uint64_t offset, std::uint64_t bytes) {
  Runs runs;
  map.for_each_absent(offset, bytes, [&](std::uint64_t begin, std::uint64_t size) {
    runs.emplace_back(begin, size);
  });
  return runs;
}

TEST(PageMap, SaysNothingOfWhatWasNotLookedAt) {
  const PageMap map(10 * k_block_bytes);
  EXPECT_TRUE(absent(map, 0, 10 * k_block_bytes).empty());
}

TEST(PageMap, TakesTheFirstAnswerOnly) {
  PageMap map(k_block_bytes);
  std::vector<unsigned char> answers(k_block_bytes / os::page_size(), 0);
  map.note(0, answers);
  std::fill(answers.begin(), answers.end(), static_cast<unsigned char>(1));
  map.note(0, answers);
  EXPECT_THAT(absent(map, 0, k_block_bytes), testing::ElementsAre(std::pair(0UL, k_block_bytes)));
}

TEST(PageMap, JoinsAbsentPagesAcrossBlocks) {
  const std::size_t pages = k_block_bytes / os::page_size();
  PageMap map(3 * k_block_bytes + 100);
  std::vector<unsigned char> answers(pages, 0);
  map.note(k_block_bytes, answers);
  answers[0] = 0xff;  // the other bits are reserved
  answers[1] = 1;
  map.note(2 * k_block_bytes, answers);
  answers[pages - 1] = 1;
  std::fill(answers.begin(), answers.end(), static_cast<unsigned char>(1));
  answers[pages - 1] = 0xfe;
  map.note(0, answers);
  const std::vector<unsigned char> tail{0};
  map.note(3 * k_block_bytes, tail);
  const std::uint64_t page = os::page_size();
  EXPECT_THAT(absent(map, 0, 4 * k_block_bytes),
              testing::ElementsAre(
                  std::pair(k_block_bytes - page, k_block_bytes + page),
                  std::pair(2 * k_block_bytes + 2 * page, k_block_bytes - 2 * page + 100)));
  EXPECT_THAT(
      absent(map, 2 * k_block_bytes, k_block_bytes),
      testing::ElementsAre(std::pair(2 * k_block_bytes + 2 * page, k_block_bytes - 2 * page)));
}

}  // namespace
}  // namespace coldload::load
