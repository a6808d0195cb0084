#include "model/name_table.h"

#include <algorithm>
#include <functional>

namespace coldload::model {

NameTable::NameTable(const ShardHeader& header) : header_(header) {
  keys_.reserve(header.tensors().size());
  for (const Tensor& tensor : header.tensors()) {
    keys_.push_back({std::hash<std::string_view>{}(header.name(tensor)),
                     static_cast<std::uint32_t>(keys_.size())});
  }
  std::sort(keys_.begin(), keys_.end(), [this](const Key& a, const Key& b) {
    return a.hash != b.hash ? a.hash < b.hash : name_of(a) < name_of(b);
  });
}

std::string_view NameTable::name_of(const Key& key) const {
  return header_.name(header_.tensors()[key.index]);
}

bool NameTable::contains(std::string_view name) const {
  const std::size_t hash = std::hash<std::string_view>{}(name);
  const auto at = std::lower_bound(
      keys_.begin(), keys_.end(), name, [this, hash](const Key& key, std::string_view wanted) {
        return key.hash != hash ? key.hash < hash : name_of(key) < wanted;
      });
  return at != keys_.end() && at->hash == hash && name_of(*at) == name;
}

const Tensor* NameTable::twin() const {
  const auto at = std::adjacent_find(
      keys_.begin(), keys_.end(),
      [this](const Key& a, const Key& b) { return a.hash == b.hash && name_of(a) == name_of(b); });
  return at == keys_.end() ? nullptr : &header_.tensors()[at->index];
}

}  // namespace coldload::model
