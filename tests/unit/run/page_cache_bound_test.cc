#include "run/page_cache_bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::run {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t k_gb = 1'000'000'000;

TEST(PageCacheBound, LeavesTheServersShareFree) {
  const PageCacheBound bound = bound_in_shared_memory(0.75, 100 * k_gb, 90 * k_gb);
  EXPECT_EQ(bound.bytes, 15 * k_gb);
  EXPECT_THAT(bound.why, HasSubstr("wants 75.0 GB free and 90.0 GB are"));
}

TEST(PageCacheBound, IsNothingWhereTheShareIsNotFreeAnyway) {
  EXPECT_EQ(bound_in_shared_memory(0.92, 100 * k_gb, 90 * k_gb).bytes, 0U);
}

TEST(PageCacheBound, IsNothingWhereNobodyKnowsWhatTheServerWants) {
  const PageCacheBound bound = bound_in_shared_memory(std::nullopt, 100 * k_gb, 90 * k_gb);
  EXPECT_EQ(bound.bytes, 0U);
  EXPECT_THAT(bound.why, HasSubstr("not known"));
  EXPECT_EQ(bound_in_shared_memory(0.5, std::nullopt, 90 * k_gb).bytes, 0U);
}

}  // namespace
}  // namespace coldload::run
