#include "os/mapping.h"

#include <cerrno>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

namespace {

std::byte* map_or_throw(int fd, std::size_t bytes, int protection, int flags,
                        const std::string& path) {
  void* address = ::mmap(nullptr, bytes, protection, flags, fd, 0);
  if (address == MAP_FAILED) throw SystemError("map", path, errno);
  return static_cast<std::byte*>(address);
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void Mapping::reset() noexcept {
  if (data_ != nullptr) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

Mapping Mapping::of_file_without_access(const Fd& file, std::uint64_t bytes) {
  if (bytes == 0) return {};
  return {map_or_throw(file.get(), bytes, PROT_NONE, MAP_SHARED, file.path()), bytes};
}

Mapping Mapping::of_file(const Fd& file, std::uint64_t bytes) {
  if (bytes == 0) return {};
  return {map_or_throw(file.get(), bytes, PROT_READ, MAP_SHARED, file.path()), bytes};
}

Mapping Mapping::anonymous(std::size_t bytes) {
  if (bytes == 0) return {};
  return {map_or_throw(-1, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, "memory"),
          bytes};
}

std::size_t page_size() {
  static const auto k_page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return k_page;
}

void prefer_huge_pages(std::span<std::byte> memory) noexcept {
  const std::size_t page = page_size();
  const std::size_t past = reinterpret_cast<std::uintptr_t>(memory.data()) % page;
  const std::size_t skip = past == 0 ? 0 : page - past;
  if (memory.size() < skip + page) return;
  ::madvise(memory.data() + skip, (memory.size() - skip) / page * page, MADV_HUGEPAGE);
}

}  // namespace coldload::os
