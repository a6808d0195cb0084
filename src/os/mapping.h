// Memory mappings with one owner.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "os/fd.h"

namespace coldload::os {

// Owns one mmap; unmaps on destruction.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping() { reset(); }
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // Maps `bytes` of `file` from its start, shared and without any access: enough for mincore(2),
  // and no page can be faulted in by it. An empty file gives an empty mapping.
  [[nodiscard]] static Mapping of_file_without_access(const Fd& file, std::uint64_t bytes);

  // Maps `bytes` of `file` from its start, read-only.
  [[nodiscard]] static Mapping of_file(const Fd& file, std::uint64_t bytes);

  // Anonymous memory, zeroed, page aligned.
  [[nodiscard]] static Mapping anonymous(std::size_t bytes);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }
  void reset() noexcept;

 private:
  Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

[[nodiscard]] std::size_t page_size();

// Advises the kernel to back `memory` by huge pages where it lies in large ones as a whole: fewer
// faults for what is written from one end to the other.
void prefer_huge_pages(std::span<std::byte> memory) noexcept;

}  // namespace coldload::os
