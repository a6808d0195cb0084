// What is behind a path: file system, mount, block device, and whether it is
// reached over a network.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "text/json.h"

namespace coldload::storage {

// One line of /proc/self/mountinfo (proc(5)).
struct Mount {
  unsigned major = 0;
  unsigned minor = 0;
  std::string root;
  std::string point;
  std::string options;  // per mount and per super block, joined by a comma
  std::string fs_type;  // "ext4", "nfs4", "fuse.sshfs"
  std::string source;   // "/dev/vda", "server:/export"
};

[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);

// A block device as sysfs knows it.
struct BlockDevice {
  unsigned major = 0;
  unsigned minor = 0;
  std::string name;       // "nvme0n1", or the partition "nvme0n1p1"
  std::string model;      // empty where the driver gives none
  std::string transport;  // NVMe's: "pcie", "tcp", "rdma", ...; empty elsewhere
  std::string scheduler;  // the one in use
  std::optional<bool> rotational;
};

// How the page cache of this path can be controlled and seen.
enum class CacheKind {
  page_cache,     // ordinary: eviction works and mincore tells
  memory_backed,  // tmpfs and kin: the page cache is the storage; never cold
  hidden,         // ZFS's ARC, GPFS's page pool: invisible to mincore
};

struct PathInfo {
  std::string path;  // absolute, symlinks resolved
  Mount mount;
  dev_t device_id = 0;                // st_dev of the path
  std::optional<BlockDevice> device;  // the one that holds the path, also under an overlay
  std::optional<std::uint64_t> readahead_kib;
  bool network = false;
  std::string network_reason;  // why we think so, either way
  CacheKind cache = CacheKind::page_cache;
};

// Throws os::SystemError where the path cannot be reached.
[[nodiscard]] PathInfo inspect_path(const std::string& path);

// The file below an overlay that `path` shows, if it is visible from here; empty elsewhere.
[[nodiscard]] std::string file_below_overlay(const std::string& path);

// Whether reads of `a` and `b` end on the same storage: a sentence that says why, empty if not.
// `files_a`, `files_b`: the checkpoint's real file paths (hard links are found through them).
[[nodiscard]] std::string same_storage(const PathInfo& a, const std::vector<std::string>& files_a,
                                       const PathInfo& b, const std::vector<std::string>& files_b);

// The keys that records and `inspect --json` use for a path.
[[nodiscard]] text::json::object to_json(const PathInfo& info);

// The same for people, one fact a line.
[[nodiscard]] std::vector<std::string> describe(const PathInfo& info);

}  // namespace coldload::storage
