// Texts and lists of them, equal ones once: most of what records say, many of them say.
//
// Layer: records. Knows no record.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <vector>

namespace coldload::records {

// Held by a TextPool.
using Texts = std::span<const std::string_view>;

// What it returns stays where it is for as long as the pool lives. Not thread-safe.
class TextPool {
 public:
  static constexpr std::size_t k_alignment = 8;  // of all that it returns

  // The same characters at the same place for every equal text.
  [[nodiscard]] std::string_view share(std::string_view text);

  // The same elements at the same place for every list of equal elements. What its elements point
  // to must be shared itself.
  template <typename T>
  requires std::has_unique_object_representations_v<T> &&(alignof(T) <= k_alignment)
      [[nodiscard]] std::span<const T> share(std::span<const T> list) {
    const std::string_view bytes =
        share(std::string_view(reinterpret_cast<const char*>(list.data()), list.size_bytes()));
    return {reinterpret_cast<const T*>(bytes.data()), list.size()};
  }
  [[nodiscard]] Texts share(const std::vector<std::string>& texts);

  // A copy of what is hardly ever equal.
  template <typename T>
  requires std::is_trivially_copyable_v<T> &&(alignof(T) <= k_alignment)
      [[nodiscard]] std::span<const T> keep(std::span<const T> list) {
    const std::string_view bytes =
        keep(std::string_view(reinterpret_cast<const char*>(list.data()), list.size_bytes()));
    return {reinterpret_cast<const T*>(bytes.data()), list.size()};
  }
  [[nodiscard]] std::string_view keep(std::string_view text);

 private:
  std::pmr::monotonic_buffer_resource memory_;
  std::pmr::unordered_set<std::string_view> known_{&memory_};
};

}  // namespace coldload::records
