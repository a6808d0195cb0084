#include "os/mapping.h"

#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

void Unmap::operator()(std::byte* data) const noexcept { ::munmap(data, bytes); }

Mapping Mapping::map(int fd, std::size_t bytes, int protection, int flags,
                     const std::string& path) {
  Mapping mapping;
  if (bytes == 0) return mapping;
  void* const address = ::mmap(nullptr, bytes, protection, flags, fd, 0);
  if (address == MAP_FAILED) throw SystemError("map", path, errno);
  mapping.data_ = {static_cast<std::byte*>(address), Unmap{bytes}};
  return mapping;
}

Mapping Mapping::of_file_without_access(const Fd& file, std::uint64_t bytes) {
  return map(file.get(), bytes, PROT_NONE, MAP_SHARED, file.path());
}

Mapping Mapping::of_file(const Fd& file, std::uint64_t bytes) {
  return map(file.get(), bytes, PROT_READ, MAP_SHARED, file.path());
}

Mapping Mapping::anonymous(std::size_t bytes) {
  return map(-1, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, "memory");
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
