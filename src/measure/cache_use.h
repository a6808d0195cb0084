// What a start found in a server's runtime caches, and what it wrote there: a walk before it and
// one after it, held against each other.
//
// A cache may be one small file: vLLM keeps 899 bytes that spare it 9 to 20 s. So every file that
// is not empty is one. But every start writes there, also one that finds all: locks, logs, small
// notes, another mtime. So where there are files, what a start writes counts with what is new of
// it, and only where that is at least 4 KiB: all of a file that is new or was put in another's
// place, what one that grew has grown by. One that was written anew in its place, to the same size,
// is not seen.
//
// Layer: measure. Knows no server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "records/record.h"

namespace coldload::measure {

inline constexpr std::uint64_t k_least_written_bytes = 4096;
inline constexpr std::size_t k_most_cache_entries = 100'000;

struct CachedFile {
  std::uint64_t bytes = 0;
  std::uint64_t inode = 0;
  std::int64_t made_ns = 0;  // since 1970, as an inode's number is given again; 0: not known
};
using CachedFiles = std::map<std::string, CachedFile>;  // by path

// The regular files below `folders` (absolute), a folder that is not there having none. No link is
// followed, and what vanishes meanwhile is not there. Nothing where it cannot be told: a folder
// that may not be looked into, or more than `most_entries` entries in all.
[[nodiscard]] std::optional<CachedFiles> look_at_caches(
    const std::vector<std::string>& folders, std::size_t most_entries = k_most_cache_entries);

struct CacheUse {
  records::Caches verdict = records::Caches::none;
  std::uint64_t files = 0;  // before
  std::uint64_t bytes = 0;
  std::uint64_t written_files = 0;
  std::uint64_t written_bytes = 0;
};

[[nodiscard]] CacheUse cache_use_of(const CachedFiles& before, const CachedFiles& after);

// Looks when it is made and when it is asked: neither belongs between launch and ready.
class CacheWatch {
 public:
  // Without a folder there is nothing to note, nor where one does not answer. To be called while
  // there is one thread.
  explicit CacheWatch(std::vector<std::string> folders);
  void note(records::Record* record) const;

 private:
  std::vector<std::string> folders_;
  std::optional<CachedFiles> before_;
};

}  // namespace coldload::measure
