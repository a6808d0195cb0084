#include "storage/stored_bytes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <set>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "os/error.h"

namespace coldload::storage {

namespace {

struct stat status_of_file(const os::Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw os::SystemError("look at", file.path(), errno);
  return info;
}

std::uint64_t allocated_bytes(const struct stat& info) {
  constexpr std::uint64_t k_block_bytes = 512;  // stat(2): whatever the file system's blocks are
  return std::min(static_cast<std::uint64_t>(info.st_blocks) * k_block_bytes,
                  static_cast<std::uint64_t>(info.st_size));
}

// What the extents of a file add up to.
struct Extents {
  bool known = false;    // whether this file system tells
  bool encoded = false;  // compressed: an extent's length is not what is stored
  std::uint64_t bytes = 0;
};

// By FIEMAP (Documentation/filesystems/fiemap.rst). What is allocated but was never written reads
// as zeros, without a read.
Extents extents_of(const os::Fd& file, std::uint64_t file_bytes) {
  constexpr std::size_t k_at_once = 256;
  alignas(fiemap) std::array<std::byte, sizeof(fiemap) + k_at_once * sizeof(fiemap_extent)> memory;
  Extents all;
  for (std::uint64_t start = 0; start < file_bytes;) {
    memory.fill(std::byte{0});
    auto* const map = reinterpret_cast<fiemap*>(memory.data());
    map->fm_start = start;
    map->fm_length = file_bytes - start;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = k_at_once;
    if (::ioctl(file.get(), FS_IOC_FIEMAP, map) != 0) return {};
    all.known = true;
    for (const fiemap_extent& extent : std::span(map->fm_extents, map->fm_mapped_extents)) {
      const std::uint64_t end =
          std::min<std::uint64_t>(extent.fe_logical + extent.fe_length, file_bytes);
      all.encoded = all.encoded || (extent.fe_flags & FIEMAP_EXTENT_ENCODED) != 0;
      if ((extent.fe_flags & FIEMAP_EXTENT_UNWRITTEN) == 0 && end > extent.fe_logical) {
        all.bytes += end - extent.fe_logical;
      }
      if ((extent.fe_flags & FIEMAP_EXTENT_LAST) != 0) return all;
      start = std::max<std::uint64_t>(start, end);
    }
    if (map->fm_mapped_extents == 0) return all;
  }
  return all;
}

// One item of a btrfs tree that tells of an extent: what the devices hold of it. A compressed one
// is read as a whole, however much of it the file shows.
std::uint64_t stored_in(const btrfs_file_extent_item& item, std::size_t item_bytes,
                        std::set<std::uint64_t>* compressed) {
  constexpr std::size_t k_inline_head = offsetof(btrfs_file_extent_item, disk_bytenr);
  if (item.type == BTRFS_FILE_EXTENT_INLINE) return item_bytes - k_inline_head;
  const bool hole = item.disk_bytenr == 0;
  if (hole || item.type == BTRFS_FILE_EXTENT_PREALLOC) return 0;
  if (item.compression == 0) return item.num_bytes;
  return compressed->insert(item.disk_bytenr).second ? item.disk_num_bytes : 0;
}

// Of a file with compressed extents, by its extent items, which only the administrator may see.
std::optional<std::uint64_t> stored_by_btrfs(const os::Fd& file) {
  constexpr std::size_t k_answer_bytes = std::size_t{64} << 10;
  constexpr std::uint64_t k_last = ~std::uint64_t{0};
  std::vector<std::uint64_t> memory((sizeof(btrfs_ioctl_search_args_v2) + k_answer_bytes) / 8);
  auto* const search = reinterpret_cast<btrfs_ioctl_search_args_v2*>(memory.data());
  search->buf_size = k_answer_bytes;
  btrfs_ioctl_search_key& key = search->key;
  key.min_objectid = key.max_objectid = status_of_file(file).st_ino;
  key.min_type = key.max_type = BTRFS_EXTENT_DATA_KEY;
  key.max_offset = key.max_transid = k_last;
  std::set<std::uint64_t> compressed;
  std::uint64_t bytes = 0;
  for (;;) {
    key.nr_items = 1 << 16;
    if (::ioctl(file.get(), BTRFS_IOC_TREE_SEARCH_V2, search) != 0) return std::nullopt;
    if (key.nr_items == 0) return bytes;
    const auto* at = reinterpret_cast<const std::byte*>(search->buf);
    for (unsigned i = 0; i < key.nr_items; ++i) {
      btrfs_ioctl_search_header header;
      std::memcpy(&header, at, sizeof(header));
      at += sizeof(header);
      btrfs_file_extent_item item{};
      std::memcpy(&item, at, std::min<std::size_t>(header.len, sizeof(item)));
      at += header.len;
      bytes += stored_in(item, header.len, &compressed);
      key.min_offset = header.offset + 1;
    }
  }
}

}  // namespace

StoredBytes stored_bytes(const os::Fd& file, const Mount& mount) {
  const struct stat info = status_of_file(file);
  const FileSystem& system = file_system_of(mount);
  if (system.stored == Stored::unseen) {
    return {std::nullopt, fmt::format("{} compresses", mount.fs_type)};
  }
  if (system.stored == Stored::blocks) return {allocated_bytes(info), ""};
  const Extents extents = extents_of(file, static_cast<std::uint64_t>(info.st_size));
  if (!extents.known) return {allocated_bytes(info), ""};
  if (!extents.encoded) return {extents.bytes, ""};
  if (mount.fs_type == "btrfs") {
    if (const auto bytes = stored_by_btrfs(file)) return {bytes, ""};
  }
  return {std::nullopt, fmt::format("{} compresses {}", mount.fs_type, file.path())};
}

}  // namespace coldload::storage
