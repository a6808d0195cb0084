// Real files for the loader's tests: on a disk, with known bytes and known residency, and what a
// plain sequential reader makes of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
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
#include "os/clock.h"
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
  ~ScratchFolder() { remove(); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  // At once: for who ends without destructors.
  void remove() { std::filesystem::remove_all(path_); }

  // A file of random bytes, still in the page cache.
  Shard shard(std::uint64_t bytes) {
    const std::string path = fmt::format("{}/{:05}", path_.string(), count_++);
    std::mt19937_64 random(count_);
    std::vector<std::uint64_t> words(bytes / 8 + 1);
    for (auto& word : words) word = random();
    const os::Fd file = os::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    os::write_full(file, {reinterpret_cast<const char*>(words.data()), bytes});
    return {path, bytes};
  }

 private:
  std::filesystem::path path_;
  unsigned count_ = 0;
};

// Which of a shard's pages, by their offsets.
using Pages = std::function<bool(std::uint64_t offset)>;

inline bool every_page(std::uint64_t /*offset*/) { return true; }
inline bool every_second_mib(std::uint64_t offset) { return offset / k_mib % 2 == 0; }

// What of those pages is in the page cache.
inline std::uint64_t resident_bytes(const Shard& shard, const Pages& which = every_page) {
  const os::Fd file = os::open_file(shard.path, O_RDONLY);
  const os::Mapping mapping = os::Mapping::of_file_without_access(file, shard.bytes);
  std::vector<unsigned char> pages(shard.bytes / os::page_size() + 1);
  if (shard.bytes == 0) return 0;
  if (::mincore(mapping.data(), shard.bytes, pages.data()) != 0)
    throw std::runtime_error("mincore");
  std::uint64_t bytes = 0;
  for (std::uint64_t at = 0; at < shard.bytes; at += os::page_size()) {
    const bool resident = (pages[at / os::page_size()] & 1U) != 0;
    if (resident && which(at)) bytes += os::page_size();
  }
  return bytes;
}

// The kernel passes over pages that it holds at that moment, so it is asked again for 2 s; where
// that was in vain once (a tmpfs), no longer.
inline void evict_until(const std::function<bool()>& done, const std::function<void()>& ask) {
  static bool in_vain = false;
  const os::TimePoint deadline = os::Clock::now() + std::chrono::seconds(2);
  for (ask(); !done() && !in_vain; ask()) {
    in_vain = os::Clock::now() >= deadline;
    ::usleep(1000);
  }
}

inline void evict(const Shard& shard) {
  const os::Fd file = os::open_file(shard.path, O_RDONLY);
  ::fdatasync(file.get());
  evict_until([&] { return resident_bytes(shard) == 0; },
              [&] { ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED); });
}

// Evicts every second MiB, the first of them stays.
inline void evict_half(const Shard& shard) {
  const os::Fd file = os::open_file(shard.path, O_RDONLY);
  ::fdatasync(file.get());
  evict_until([&] { return resident_bytes(shard, std::not_fn(every_second_mib)) == 0; },
              [&] {
                for (std::uint64_t at = k_mib; at < shard.bytes; at += 2 * k_mib) {
                  ::posix_fadvise(file.get(), static_cast<off_t>(at), k_mib, POSIX_FADV_DONTNEED);
                }
              });
}

// Has those pages of a file in the page cache and no others, for as long as this lives: the kernel
// may take clean pages at any time (some machines reclaim every few seconds), but hardly those that
// are mapped. Coldload cannot evict them either.
class Kept {
 public:
  Kept(const Shard& shard, const Pages& wanted) {
    evict(shard);
    mapping_ = os::Mapping::of_file(os::open_file(shard.path, O_RDONLY), shard.bytes);
    ::madvise(mapping_.data(), shard.bytes, MADV_RANDOM);  // or a touch may read ahead
    for (std::uint64_t at = 0; at < shard.bytes; at += os::page_size()) {
      const auto* byte = static_cast<const volatile std::byte*>(mapping_.data()) + at;
      if (wanted(at)) (void)*byte;
    }
  }

 private:
  os::Mapping mapping_;
};

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
