// What is in a checkpoint, in figures.
//
// Layer: model. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/safetensors.h"

namespace coldload::model {

struct DtypeTotal {
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;
};

struct Summary {
  std::uint64_t tensors = 0;
  std::uint64_t tensor_bytes = 0;  // the data alone, without headers
  std::array<DtypeTotal, k_dtype_count> dtypes{};
  // The first of the largest; both null where there is no tensor. They point into the headers.
  const ShardHeader* largest_shard = nullptr;
  const Tensor* largest = nullptr;
};

[[nodiscard]] Summary summarize(const std::vector<ShardHeader>& headers);

}  // namespace coldload::model
