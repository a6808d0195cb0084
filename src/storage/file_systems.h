// What coldload knows of each file system: network or not, which cache it keeps on this machine
// beside the page cache, which byte counter tells the truth, and whose caches nobody here can see.
//
// One table has it all; docs/cold.md says it for users, and a test compares them. A type that the
// table does not have is taken for a file system on a block device.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "storage/mounts.h"

namespace coldload::storage {

// Where a file system's data come from.
enum class Reach {
  device,    // the block device below decides
  network,   // a server
  host,      // what the hypervisor's host shares with this machine
  local,     // this machine, in another way
  unknown,   // a FUSE daemon that we do not know
  stand_in,  // coldload's own
};

// What counts the bytes that it delivers.
enum class Counts { nothing, block_device, nfs_mountstats, cifs_stats, stand_in };

// What tells how many bytes storage holds of a file.
enum class Stored {
  extents,  // FIEMAP: holes, and whether it is compressed
  blocks,   // stat's blocks are those on the device
  unseen,   // nothing: it compresses, and tells the files' own sizes
};

// A cache that a FUSE daemon keeps, and what on its command line tells of it.
struct DaemonCache {
  std::string_view programs;    // what the daemon is called, parted by blanks
  std::string_view options;     // any of these, parted by blanks, means that there is a cache
  std::string_view off{};       // but not with this value; empty: every value means a cache
  std::string_view variable{};  // the same as the first option, in its environment; or empty
  bool unless_off = false;      // there is a cache also where no option is given
};

struct FileSystem {
  std::string_view type;      // as mountinfo says: "fuse.rclone"
  std::string_view source{};  // and from where, for daemons that say only "fuse"; or empty
  Reach reach = Reach::device;
  Counts counts = Counts::nothing;
  Stored stored = Stored::extents;  // where a block device counts
  bool memory = false;              // the page cache is the storage: never cold
  std::string_view cache{};         // what it may cache by, beside the page cache; empty: nothing
  // What tells of that cache: a mount option, "key" or "key=value", or a daemon. Neither of the
  // two: the cache is always there.
  std::string_view cache_mount{};
  const DaemonCache* daemon = nullptr;
  std::string_view far_side{};  // whose memory may hold the files, out of sight; or empty
  std::string_view remark{};    // what else nobody can tell; or empty
};

[[nodiscard]] std::span<const FileSystem> known_file_systems();

// The row for a mount: the table's, or one for an unknown FUSE daemon or a block device.
[[nodiscard]] const FileSystem& file_system_of(const Mount& mount);

// Whether opening a file there may drop its pages: a FUSE daemon decides that, and of all daemons
// only our own stand-in is known to keep them.
[[nodiscard]] bool opening_may_drop_pages(const Mount& mount);

// Whether a daemon or another machine answers for it: where that stops, whoever asks is kept
// waiting.
[[nodiscard]] bool may_hang(const Mount& mount);

// Whether other machines reach the same files, as far as is known: what they have open or locked
// need not show here. True of a FUSE daemon that we do not know.
[[nodiscard]] bool other_machines_may_reach(const Mount& mount);

// Why reads of a mount may come from a cache on this machine that eviction does not reach, neither
// seen nor seen to be absent; empty where it is known that there is none. Tells of the file system,
// not of the devices below. `proc` is where procfs is mounted.
[[nodiscard]] std::string hidden_cache_of(const Mount& mount, const std::string& proc = "/proc");

}  // namespace coldload::storage
