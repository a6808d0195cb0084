// model.safetensors.index.json: which shard holds which tensor.
//
// Layer: model. May include os/, text/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/safetensors.h"

namespace coldload::model {

inline constexpr std::string_view k_index_name = "model.safetensors.index.json";

// The index's weight_map. Takes 12 bytes a tensor beside the names' text.
class WeightMap {
 public:
  // Reads the index at `path`, without keeping its text. Throws os::Error that names it: not a
  // regular file, not JSON, no weight_map, a shard that lies elsewhere, ...
  [[nodiscard]] static WeightMap read(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  // Names of the shards, sorted, each once.
  [[nodiscard]] const std::vector<std::string>& shards() const { return shards_; }
  // The bytes of its tensors as it says itself; nothing where it does not.
  [[nodiscard]] std::optional<std::uint64_t> total_bytes() const { return total_bytes_; }

  // The names of the tensors that it places in `shard`, in its own order. They live as long as it.
  [[nodiscard]] std::vector<std::string_view> tensors_of(const std::string& shard) const;

  // Throws os::Error for a tensor that the index places in `shard` and whose header lacks it.
  // Returns the bytes of those that are there, the header's included: the shard may hold more.
  std::uint64_t check(const std::string& shard, const ShardHeader& header) const;

 private:
  friend class WeightMapBuilder;

  struct Entry {
    std::uint32_t shard = 0;
    std::uint32_t name_offset = 0;
    std::uint32_t name_bytes = 0;
  };

  std::string path_;
  std::optional<std::uint64_t> total_bytes_;
  std::vector<std::string> shards_;
  std::vector<Entry> entries_;  // ordered by shard
  std::string names_;
};

}  // namespace coldload::model
