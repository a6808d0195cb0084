// Memory mappings with one owner.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "os/fd.h"

namespace coldload::os {

// For Mapping.
struct Unmap {
  std::size_t bytes = 0;
  void operator()(std::byte* data) const noexcept;
};

// Owns one mmap; unmaps on destruction.
class Mapping {
 public:
  Mapping() = default;

  // Maps `bytes` of `file` from its start, shared and without any access: enough for mincore(2),
  // and no page can be faulted in by it. An empty file gives an empty mapping.
  [[nodiscard]] static Mapping of_file_without_access(const Fd& file, std::uint64_t bytes);

  // Maps `bytes` of `file` from its start, read-only.
  [[nodiscard]] static Mapping of_file(const Fd& file, std::uint64_t bytes);

  // Anonymous memory, zeroed, page aligned.
  [[nodiscard]] static Mapping anonymous(std::size_t bytes);

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return data_ ? data_.get_deleter().bytes : 0; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data(), size()}; }
  void reset() noexcept { data_.reset(); }

 private:
  // Throws SystemError that names `path`. No bytes give an empty mapping.
  static Mapping map(int fd, std::size_t bytes, int protection, int flags, const std::string& path);

  std::unique_ptr<std::byte, Unmap> data_;
};

[[nodiscard]] std::size_t page_size();

// Advises the kernel to back `memory` by huge pages where it lies in large ones as a whole: fewer
// faults for what is written from one end to the other.
void prefer_huge_pages(std::span<std::byte> memory) noexcept;

}  // namespace coldload::os
