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
  std::vector<bool> there(k_block_bytes / os::page_size());
  map.note(0, there);
  there.flip();
  map.note(0, there);
  EXPECT_THAT(absent(map, 0, k_block_bytes), testing::ElementsAre(std::pair(0UL, k_block_bytes)));
}

TEST(PageMap, JoinsAbsentPagesAcrossBlocks) {
  const std::size_t pages = k_block_bytes / os::page_size();
  PageMap map(3 * k_block_bytes + 100);
  std::vector<bool> there(pages);
  map.note(k_block_bytes, there);
  there[0] = true;
  there[1] = true;
  map.note(2 * k_block_bytes, there);
  std::fill(there.begin(), there.end(), true);
  there[pages - 1] = false;
  map.note(0, there);
  map.note(3 * k_block_bytes, {false});
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
