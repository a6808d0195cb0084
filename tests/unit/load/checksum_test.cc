#include "load/checksum.h"

#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "load/layout.h"

namespace coldload::load {
namespace {

std::vector<std::byte> bytes_of(std::size_t count, unsigned seed) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    bytes[i] = static_cast<std::byte>(seed >> 24);
  }
  return bytes;
}

std::string checksum_of(std::uint64_t shard, std::uint64_t offset,
                        std::span<const std::byte> data) {
  Checksum checksum;
  checksum.add(shard, offset, data);
  return checksum.text();
}

TEST(Checksum, DoesNotDependOnHowThePiecesAreCutOrOrdered) {
  const auto data = bytes_of(3 * k_block_bytes + 17, 1);
  Checksum first;
  Checksum second;
  second.add(0, 2 * k_block_bytes, std::span(data).subspan(2 * k_block_bytes));
  first.add(0, 0, std::span(data).first(k_block_bytes));
  second.add(0, k_block_bytes, std::span(data).subspan(k_block_bytes, k_block_bytes));
  first.add(second);
  EXPECT_EQ(first.text(), checksum_of(0, 0, data));
}

TEST(Checksum, SeesBlocksAndShardsThatChangedPlaces) {
  const auto one = bytes_of(k_block_bytes, 1);
  const auto two = bytes_of(k_block_bytes, 2);
  Checksum straight;
  straight.add(0, 0, one);
  straight.add(0, k_block_bytes, two);
  Checksum swapped;
  swapped.add(0, 0, two);
  swapped.add(0, k_block_bytes, one);
  EXPECT_NE(straight.text(), swapped.text());
  EXPECT_NE(checksum_of(0, 0, one), checksum_of(1, 0, one));
}

TEST(Checksum, SeesOneBitOneByteMoreAndAPieceCountedTwice) {
  auto data = bytes_of(k_block_bytes + 5, 1);
  const std::string before = checksum_of(0, 0, data);
  EXPECT_NE(checksum_of(0, 0, std::span(data).first(data.size() - 1)), before);
  Checksum twice;
  twice.add(0, 0, data);
  twice.add(0, 0, data);
  EXPECT_NE(twice.text(), before);
  data[k_block_bytes] ^= std::byte{1};
  EXPECT_NE(checksum_of(0, 0, data), before);
}

TEST(Checksum, OfNothingIsZero) { EXPECT_EQ(Checksum().text(), "0000000000000000"); }

}  // namespace
}  // namespace coldload::load
