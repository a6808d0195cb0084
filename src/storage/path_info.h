// What is behind a path: file system, mount, block device, and whether it is
// reached over a network.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "storage/block_device.h"
#include "storage/mounts.h"
#include "text/json.h"

namespace coldload::storage {

// How the page cache of this path can be controlled and seen.
enum class CacheKind {
  page_cache,     // ordinary: eviction works and mincore tells
  memory_backed,  // tmpfs and kin: the page cache is the storage; never cold
  hidden,         // beside it there is, or may be, a cache that mincore cannot see
};

struct PathInfo {
  std::string path;  // absolute, symlinks resolved
  Mount mount;
  std::optional<Mount> layer;  // under an overlay: the mount of the layer that holds the path
  dev_t device_id = 0;         // st_dev of the path
  std::optional<BlockDevice> device;       // the one that holds the path, also under an overlay
  std::vector<BlockDevice> other_devices;  // of a file system on several (btrfs)
  std::optional<std::uint64_t> readahead_kib;
  bool network = false;
  std::string network_reason;  // why we think so, either way
  CacheKind cache = CacheKind::page_cache;
  std::string hidden_cache;         // with CacheKind::hidden: which one, a sentence
  std::vector<std::string> unseen;  // sentences: what else may be warm, beyond this machine

  // Every device that bytes of the path may come from; empty where none is visible.
  [[nodiscard]] std::vector<const BlockDevice*> devices() const;
  // The mount that the bytes come from.
  [[nodiscard]] const Mount& source() const { return layer ? *layer : mount; }
};

// What the mount and the device below say of a path: all but `path` itself and readahead.
void classify(PathInfo* info);

// Throws os::SystemError where the path cannot be reached.
[[nodiscard]] PathInfo inspect_path(const std::string& path);

// Whether reads of `a` and `b` end on the same storage: a sentence that says why, empty if not.
// `files_a`, `files_b`: the checkpoint's real file paths (hard links are found through them).
[[nodiscard]] std::string same_storage(const PathInfo& a, const std::vector<std::string>& files_a,
                                       const PathInfo& b, const std::vector<std::string>& files_b);

// The keys that records and `inspect --json` use for a path.
[[nodiscard]] text::json::object to_json(const PathInfo& info);

// The same for people, one fact a line.
[[nodiscard]] std::vector<std::string> describe(const PathInfo& info);

}  // namespace coldload::storage
