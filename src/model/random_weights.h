// Random BF16 weights: normal, mean 0, standard deviation 0.02, made faster than disks write.
//
// Every element is drawn by itself (16 random bits choose one of 65,536 quantiles), so nothing
// repeats and a compressor finds no more than it finds in any normal BF16 weights.
//
// Layer: model. Pure functions of the seed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace coldload::model {

// Safe to use from several threads.
class RandomWeights {
 public:
  explicit RandomWeights(std::uint64_t seed);

  // Fills `out` with the values of block `block`: the same for the same seed, block and length,
  // whoever fills the blocks before it.
  void fill(std::span<std::uint16_t> out, std::uint64_t block) const;

 private:
  std::uint64_t seed_;
  std::vector<std::uint16_t> quantiles_;
};

// 1.0 in BF16.
inline constexpr std::uint16_t k_bf16_one = 0x3F80;

}  // namespace coldload::model
