// How many bytes storage delivered: one truthful counter per path.
//
// rchar of /proc/PID/io counts no mmap reads, and cgroup v1's blkio read 0
// after a real read: neither is used. What is truthful depends on the path:
//   block device    sectors read, from /sys/dev/block/*/stat: everybody's reads; of a file system
//   on
//                   several devices the sum
//   stand-in        bytes that our own FUSE server served: everybody's, this mount's only
//   NFS             bytes read from the server, from /proc/self/mountstats: this mount's only
//   SMB             bytes read from the share, from /proc/fs/cifs/Stats: this share's only
// The reads of the target's own processes (process::ProcessTree) stand beside it.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/path_info.h"

namespace coldload::storage {

// Bytes since some fixed instant; only differences mean anything. Nothing if it stopped answering.
using ByteCounter = std::function<std::optional<std::uint64_t>()>;

struct CounterChoice {
  ByteCounter counter;  // empty: this path has none
  std::string source;   // "block_device", "stand_in", "nfs_mountstats", "cifs_stats"
  std::string subject;  // what it counts the bytes of: two choices with both alike are one counter
  // Whether it counts this mount's reads only, so that reads of programs elsewhere (the server's
  // own code) are not in it.
  bool this_mount_only = false;
  // Whether read_bytes of processes counts reads from this path at all (FUSE, NFS and memory do
  // not pass the block layer on the reader's account).
  bool processes_are_charged = false;
  // Whether it counts only what came from beyond this machine, so that a cache of the client's own
  // (PathInfo::hidden_cache) cannot pass for it.
  bool beyond_hidden_cache = false;
  std::string reason;  // why there is none
};

[[nodiscard]] CounterChoice choose_byte_counter(const PathInfo& info);

// What files on all of these paths are counted by together, each counter once: none where one of
// them has none. At least one.
[[nodiscard]] CounterChoice all_of(const std::vector<CounterChoice>& choices);

// Field 3 of a block device's stat file (Documentation/block/stat.rst) in bytes: a sector there
// is always 512 bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_block_stat(std::string_view text);

// "bytes read from the server" of the mount at `mount_point`, from mountstats' text: the fifth
// figure of its "bytes:" line (nfs-utils, tools/mountstats).
[[nodiscard]] std::optional<std::uint64_t> parse_mountstats(std::string_view text,
                                                            std::string_view mount_point);

// "Bytes read" of all connections to the share of `source` ("//server/share/folder"), from the text
// of /proc/fs/cifs/Stats (SMB 2 and later; fs/smb/client/smb2ops.c, smb2_print_stats).
[[nodiscard]] std::optional<std::uint64_t> parse_cifs_stats(std::string_view text,
                                                            std::string_view source);

}  // namespace coldload::storage
