#include "stage/chunk_reader.h"

#include <gtest/gtest.h>

namespace coldload::stage {
namespace {

constexpr std::uint64_t k_mib = std::uint64_t{1} << 20;

TEST(BlockBudget, IsAQuarterOfWhatIsThereBySmallerBlocksThenFewerThreads) {
  const auto expect = [](std::optional<std::uint64_t> available, unsigned threads,
                         std::size_t block_bytes) {
    const BlockBudget budget = block_budget(16, available);
    EXPECT_EQ(budget.threads, threads);
    EXPECT_EQ(budget.block_bytes, block_bytes);
  };
  expect(std::nullopt, 16, 4 * k_mib);
  expect(256 * k_mib, 16, 4 * k_mib);
  expect(255 * k_mib, 16, 2 * k_mib);
  expect(64 * k_mib, 16, k_mib);
  expect(32 * k_mib, 16, k_mib / 2);
  expect(31 * k_mib, 15, k_mib / 2);
  expect(0, 1, k_mib / 2);
}

}  // namespace
}  // namespace coldload::stage
