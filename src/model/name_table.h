// The tensor names of one header, for finding one or a twin.
//
// Layer: model. Knows nothing of the page cache or what a path lies on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/safetensors.h"

namespace coldload::model {

// Must not outlive the header. 8 bytes a tensor, as much again while it is made; no input makes it
// slower than sorting, as chosen hash collisions would a hash map.
class NameTable {
 public:
  explicit NameTable(const ShardHeader& header);

  // nullptr where there is none of that name.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
  // A tensor whose name another one has too; nullptr where every name is unique.
  [[nodiscard]] const Tensor* twin() const;

 private:
  struct Key {
    std::uint32_t hash = 0;
    std::uint32_t index = 0;
  };

  void sort_by_hash();
  [[nodiscard]] std::string_view name_of(const Key& key) const;

  const ShardHeader& header_;
  std::vector<Key> keys_;  // by hash, then by name
};

}  // namespace coldload::model
