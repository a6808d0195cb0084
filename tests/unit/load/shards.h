// Real files for the loader's tests: on a disk, with known bytes and known residency, and what a
// plain sequential reader makes of them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "load/loader.h"
#include "os/fd.h"
#include "os/mapping.h"

namespace coldload::load {

inline constexpr std::uint64_t k_mib = 1 << 20;

// A folder of its own, removed at the end. /var/tmp: /tmp may be a tmpfs.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& base = "/var/tmp") {
    std::string name = base + "/coldload-load-test.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch in " + base);
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // A file of random bytes, still in the page cache.
  Shard shard(std::uint64_t bytes) {
    const std::string path = fmt::format("{}/{:05}", path_.string(), count_++);
    std::mt19937_64 random(count_);
    std::vector<std::uint64_t> words(bytes / 8 + 1);
    for (auto& word : words) word = random();
    const os::Fd file = os::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    os::write_full(file, std::as_bytes(std::span(words)).first(bytes));
    return {path, bytes};
  }

 private:
  std::filesystem::path path_;
  unsigned count_ = 0;
};

inline std::uint64_t resident_bytes(const Shard& shard) {
  const os::Fd file = os::open_file(shard.path, O_RDONLY);
  const os::Mapping mapping = os::Mapping::of_file_without_access(file, shard.bytes);
  std::vector<unsigned char> pages(shard.bytes / os::page_size() + 1);
  if (shard.bytes == 0) return 0;
  if (::mincore(mapping.data(), shard.bytes, pages.data()) != 0)
    throw std::runtime_error("mincore");
  std::uint64_t count = 0;
  for (const unsigned char page : pages) count += page & 1U;
  return count * os::page_size();
}

// Keeps in the page cache what of a file is there, for as long as this lives: the kernel may take
// clean pages at any time (some machines reclaim every few seconds), but hardly those that are
// mapped.
class Kept {
 public:
  explicit Kept(const Shard& shard)
      : mapping_(os::Mapping::of_file(os::open_file(shard.path, O_RDONLY), shard.bytes)) {
    ::madvise(mapping_.data(), shard.bytes, MADV_RANDOM);  // or a touch may read ahead
    std::vector<unsigned char> pages(shard.bytes / os::page_size() + 1);
    if (::mincore(mapping_.data(), shard.bytes, pages.data()) != 0) {
      throw std::runtime_error("mincore");
    }
    for (std::uint64_t at = 0; at < shard.bytes; at += os::page_size()) {
      const auto* byte = static_cast<const volatile std::byte*>(mapping_.data()) + at;
      if ((pages[at / os::page_size()] & 1U) != 0) (void)*byte;
    }
  }

 private:
  os::Mapping mapping_;
};

inline void evict(const Shard& shard) {
  const os::Fd file = os::open_file(shard.path, O_RDONLY);
  ::fdatasync(file.get());
  for (int i = 0; i < 100 && resident_bytes(shard) > 0; ++i) {
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

// Evicts every second MiB, the first of them stays.
inline void evict_half(const Shard& shard) {
  const os::Fd file = os::open_file(shard.path, O_RDONLY);
  ::fdatasync(file.get());
  for (std::uint64_t offset = k_mib; offset < shard.bytes; offset += 2 * k_mib) {
    ::posix_fadvise(file.get(), static_cast<off_t>(offset), k_mib, POSIX_FADV_DONTNEED);
  }
}

// The checksum as checksum.h defines it, by reading one file after the other from front to back.
inline std::string reference_checksum(const std::vector<Shard>& shards) {
  std::uint64_t sum = 0;
  for (std::uint64_t index = 0; index < shards.size(); ++index) {
    std::ifstream file(shards[index].path, std::ios::binary);
    std::vector<char> block(k_mib);
    for (std::uint64_t number = 0;; ++number) {
      file.read(block.data(), static_cast<std::streamsize>(block.size()));
      const auto got = static_cast<std::uint64_t>(file.gcount());
      if (got == 0) break;
      const std::uint64_t parts[] = {index, number, got, XXH3_64bits(block.data(), got)};
      sum += XXH3_64bits(parts, sizeof parts);
    }
  }
  return fmt::format("{:016x}", sum);
}

inline std::uint64_t total_bytes(const std::vector<Shard>& shards) {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards) sum += shard.bytes;
  return sum;
}

inline std::uint64_t total_bytes(const RouteBytes& routes) {
  return routes.io_uring_direct + routes.io_uring_buffered + routes.pread_direct +
         routes.pread_buffered;
}

}  // namespace coldload::load
