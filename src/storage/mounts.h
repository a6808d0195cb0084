// What is mounted where, as /proc/self/mountinfo tells it (proc(5)).
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coldload::storage {

// One line of mountinfo.
struct Mount {
  std::uint64_t id = 0;  // as statx(2) has it in stx_mnt_id
  unsigned major = 0;
  unsigned minor = 0;
  std::string root;  // the part of the file system that it shows: not "/" for a bind mount
  std::string point;
  std::string options;  // per mount and per super block, joined by a comma
  std::string fs_type;  // "ext4", "nfs4", "fuse.sshfs"
  std::string source;   // "/dev/vda", "server:/export"
};

[[nodiscard]] std::vector<Mount> parse_mountinfo(std::string_view text);
[[nodiscard]] std::vector<Mount> current_mounts();

// The kernel's files write blank, tab, line feed and backslash in names as \ooo.
[[nodiscard]] std::string unescape_mount_text(std::string_view text);

// The mount that a path lies on by the texts alone: the longest mount point that holds it; of
// mounts stacked on one point the last. Null where there is none.
[[nodiscard]] const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path);

// The mount that the kernel reaches the file at `path` through (Linux 5.8), which a later mount
// over a folder above may have hidden from the texts. Where it is none of `mounts` (a link led into
// another mount namespace): one of the same file system, else `mount_of`.
[[nodiscard]] const Mount* mount_reached(const std::vector<Mount>& mounts, const std::string& path);

// One mount of the file system with that device number (stat's st_dev). Null where there is none: a
// btrfs subvolume's files have numbers of their own.
[[nodiscard]] const Mount* mount_on(const std::vector<Mount>& mounts, dev_t device);

// The value of "key=value" in a mount's options, empty for a bare "key"; nothing where it has none.
[[nodiscard]] std::optional<std::string> mount_option(const Mount& mount, std::string_view key);

// The file in an overlay's layers that `path` shows, if it is visible from here; empty elsewhere.
[[nodiscard]] std::string below_overlay(const Mount& mount, const std::string& path);
// The same for a path of any kind.
[[nodiscard]] std::string file_below_overlay(const std::string& path);

}  // namespace coldload::storage
