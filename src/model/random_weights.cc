#include "model/random_weights.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>

#include <boost/math/special_functions/erf.hpp>

namespace coldload::model {

namespace {

constexpr double k_standard_deviation = 0.02;
constexpr std::size_t k_quantiles = std::size_t{1} << 16;

// The upper half of the standard normal's quantile function.
double normal_quantile(double upper_tail) {
  return std::sqrt(2.0) * boost::math::erfc_inv(2 * upper_tail);
}

std::uint16_t to_bf16(double value) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  constexpr std::uint32_t k_half = 0x8000;
  return static_cast<std::uint16_t>((bits + k_half) >> 16U);
}

// splitmix64 (Steele, Lea, Flood 2014), for seeding.
std::uint64_t split_mix(std::uint64_t* state) {
  *state += 0x9E3779B97F4A7C15U;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

// xoshiro256++ (Blackman, Vigna 2019).
class Xoshiro {
 public:
  explicit Xoshiro(std::uint64_t seed) {
    for (std::uint64_t& word : state_) word = split_mix(&seed);
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace

RandomWeights::RandomWeights(std::uint64_t seed) : seed_(seed), quantiles_(k_quantiles) {
  constexpr std::uint16_t k_sign = 0x8000;
  for (std::size_t i = 0; i < k_quantiles / 2; ++i) {
    const double tail = (static_cast<double>(i) + 0.5) / static_cast<double>(k_quantiles);
    const std::uint16_t value = to_bf16(k_standard_deviation * normal_quantile(tail));
    quantiles_[i] = value;
    quantiles_[k_quantiles - 1 - i] = static_cast<std::uint16_t>(value | k_sign);
  }
}

void RandomWeights::fill(std::span<std::uint16_t> out, std::uint64_t block) const {
  std::uint64_t state = seed_;
  Xoshiro random(split_mix(&state) ^ (block * 0xD1342543DE82EF95U));
  constexpr std::size_t k_per_draw = 4;
  const std::uint16_t* quantiles = quantiles_.data();
  std::size_t i = 0;
  for (; i + k_per_draw <= out.size(); i += k_per_draw) {
    const std::uint64_t draw = random.next();
    out[i] = quantiles[draw & 0xFFFFU];
    out[i + 1] = quantiles[(draw >> 16U) & 0xFFFFU];
    out[i + 2] = quantiles[(draw >> 32U) & 0xFFFFU];
    out[i + 3] = quantiles[draw >> 48U];
  }
  for (; i < out.size(); ++i) out[i] = quantiles[random.next() & 0xFFFFU];
}

}  // namespace coldload::model
