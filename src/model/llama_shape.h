// The shape of a Llama whose BF16 weights take about a given size, and the tensors it has.
//
// Layer: model. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coldload::model {

inline constexpr std::uint64_t k_min_llama_bytes = 1'000'000;
inline constexpr std::uint64_t k_max_llama_bytes = 2'000'000'000'000;

// As in config.json.
struct LlamaShape {
  std::uint64_t layers = 0;
  std::uint64_t hidden = 0;
  std::uint64_t intermediate = 0;
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_dim = 0;
  std::uint64_t vocabulary = 0;
};

struct LlamaTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  bool is_norm = false;  // all ones; every other tensor is random

  [[nodiscard]] std::uint64_t bytes() const;  // BF16
};

// Proportions like those of the published Llamas, within 2 % of `bytes` (closer from 10 MB on).
// `bytes` must lie between the limits above. `min_tensors`: as many at least, by more layers.
[[nodiscard]] LlamaShape choose_llama_shape(std::uint64_t bytes, std::uint64_t min_tensors = 1);

[[nodiscard]] std::uint64_t weight_bytes(const LlamaShape& shape);

// In the order in which they are written.
[[nodiscard]] std::vector<LlamaTensor> llama_tensors(const LlamaShape& shape);

// Splits the tensors, in their order, into `shards` groups of about equal bytes, none empty.
// `shards` must not exceed their number.
[[nodiscard]] std::vector<std::vector<LlamaTensor>> split_tensors(std::vector<LlamaTensor> tensors,
                                                                  std::uint64_t shards);

}  // namespace coldload::model
