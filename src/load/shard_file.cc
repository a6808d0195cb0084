#include "load/shard_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "load/layout.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/mapping.h"

namespace coldload::load {

namespace {

// Alignment that O_DIRECT wants of this file; 0 where it refuses O_DIRECT.
std::uint64_t direct_alignment(const os::Fd& file) {
#ifdef STATX_DIOALIGN
  struct statx info {};
  if (::statx(file.get(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &info) == 0 &&
      (info.stx_mask & STATX_DIOALIGN) != 0) {
    // Our memory is page-aligned, our offsets are multiples of blocks.
    const bool fits = info.stx_dio_mem_align <= os::page_size() &&
                      info.stx_dio_offset_align <= k_block_bytes &&
                      k_block_bytes % std::max(info.stx_dio_offset_align, 1U) == 0;
    return fits ? info.stx_dio_offset_align : 0;
  }
#endif
  (void)file;
  return os::page_size();  // which every device divides
}

bool is_same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

void set_flags(const os::Fd& file, int remove) {
  const int flags = ::fcntl(file.get(), F_GETFL);
  if (flags < 0 || ::fcntl(file.get(), F_SETFL, flags & ~remove) != 0) {
    throw os::SystemError("set the flags of", file.path(), errno);
  }
}

// O_NONBLOCK guards the opening only: io_uring would take it for "fail rather than wait".
os::Fd open_for_reading(const std::string& path, int extra_flags) {
  os::Fd file = os::open_regular(path, extra_flags);
  set_flags(file, O_NONBLOCK);
  return file;
}

}  // namespace

ShardFile::ShardFile(const Shard& shard, std::uint64_t index, const Access& access,
                     Fallbacks& fallbacks)
    : shard_(shard),
      index_(index),
      access_(access),
      fallbacks_(fallbacks),
      bytes_missing_(shard.wanted_bytes()),
      found_(shard.bytes) {}

void ShardFile::open() {
  const std::lock_guard lock(mutex_);
  if (file_.valid()) return;
  choose_route();
  on_fuse_ = os::lies_on_fuse(file_);
  const struct stat info = os::file_status(file_);
  if (static_cast<std::uint64_t>(info.st_size) != shard_.bytes) {
    throw changed(static_cast<std::uint64_t>(info.st_size));
  }
  modified_at_ = info.st_mtim;
  if (shard_.modified_at && !is_same(*shard_.modified_at, modified_at_)) {
    throw changed(static_cast<std::uint64_t>(info.st_size));
  }
  pages_ = os::FilePages(file_, shard_.bytes);
  if (!pages_.observable()) {
    fallbacks_.add("read through the page cache, because " + pages_.why_unseen(), shard_.path);
    return;
  }
  if (!direct_usable_) stop_readahead(file_);
}

// Our pieces are large without readahead. It would bring in what is not asked for yet, which
// would pass for found, and bring back what has been dropped.
void ShardFile::stop_readahead(const os::Fd& file) const {
  if (!access_.keep_pages && pages_.observable()) {
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM);
  }
}

// Opens file_, once where it can be: on FUSE a second open may drop the file's page cache.
void ShardFile::choose_route() {
  if (!access_.use_direct || access_.keep_pages) {
    file_ = open_for_reading(shard_.path, 0);
    return;
  }
  try {
    file_ = open_for_reading(shard_.path, O_DIRECT);
  } catch (const os::SystemError& error) {
    if (error.code() != EINVAL) throw;
    fallbacks_.add("O_DIRECT refused by open, so read through the page cache", shard_.path);
    file_ = open_for_reading(shard_.path, 0);
    return;
  }
  alignment_ = direct_alignment(file_);
  if (alignment_ == 0) {
    fallbacks_.add("O_DIRECT refused by the file system, so read through the page cache",
                   shard_.path);
    set_flags(file_, O_DIRECT);
    return;
  }
  opened_direct_ = true;
  direct_usable_ = true;
}

std::vector<Piece> ShardFile::pieces(std::uint64_t offset, std::uint64_t bytes) {
  if (!pages_.observable()) return {{index_, offset, bytes, true}};
  std::vector<Piece> result;
  for (std::uint64_t end = offset + bytes; offset < end;) {
    const std::uint64_t block = std::min<std::uint64_t>(end - offset, k_block_bytes);
    const std::vector<bool> there = pages_.look(offset, block);
    const bool resident = std::find(there.begin(), there.end(), false) == there.end();
    found_.note(offset, there);
    if (result.empty() || result.back().resident != resident) {
      result.push_back({index_, offset, 0, resident});
    }
    result.back().bytes += block;
    offset += block;
  }
  return result;
}

void ShardFile::refuse_direct() {
  if (direct_usable_.exchange(false)) {
    fallbacks_.add("O_DIRECT refused by read, so read through the page cache", shard_.path);
  }
}

int ShardFile::buffered_fd() {
  page_cache_used_ = true;
  if (!opened_direct_) return file_.get();
  const std::lock_guard lock(mutex_);
  if (!buffered_.valid()) {
    os::Fd second = open_for_reading(shard_.path, 0);
    if (os::file_id(second) != os::file_id(file_)) throw changed(os::file_size(second));
    buffered_ = std::move(second);
    stop_readahead(buffered_);
  }
  return buffered_.get();
}

// Advice: what the kernel keeps all the same was mapped, locked or written by somebody else.
void ShardFile::drop_behind(std::uint64_t offset, std::uint64_t bytes) {
  found_.for_each_absent(offset, bytes, [this](std::uint64_t begin, std::uint64_t size) {
    ::posix_fadvise(file_.get(), static_cast<off_t>(begin), static_cast<off_t>(size),
                    POSIX_FADV_DONTNEED);
  });
}

// Some file systems take O_DIRECT and read through the page cache all the same.
bool ShardFile::direct_left_pages() {
  if (access_.keep_pages || !direct_usable_ || !pages_.observable()) return false;
  bool found = false;
  bool looked = false;
  found_.for_each_absent(0, shard_.bytes, [&](std::uint64_t begin, std::uint64_t) {
    if (std::exchange(looked, true)) return;
    found = pages_.resident_bytes(begin, 1) > 0;
  });
  if (found) fallbacks_.add("O_DIRECT was taken, but went through the page cache", shard_.path);
  return found;
}

bool ShardFile::arrived(const Piece& piece) {
  const bool drop = !access_.keep_pages && page_cache_used_;
  if (drop && !piece.resident && !direct_usable_) drop_behind(piece.offset, piece.bytes);
  if (bytes_missing_.fetch_sub(piece.bytes) != piece.bytes) return false;
  const std::lock_guard lock(mutex_);
  // What could not be dropped behind its piece: a page that somebody used at that moment.
  if (drop || direct_left_pages()) drop_behind(0, shard_.bytes);
  const struct stat info = os::file_status(file_);
  if (static_cast<std::uint64_t>(info.st_size) != shard_.bytes ||
      !is_same(info.st_mtim, modified_at_)) {
    throw changed(static_cast<std::uint64_t>(info.st_size));
  }
  pages_ = {};
  file_.reset();
  buffered_.reset();
  return true;
}

os::Error ShardFile::changed(std::uint64_t bytes_now) const {
  return os::Error(fmt::format(
      "cannot load {}: it changed during the load (it had {} bytes, now {}); load it again when "
      "nothing writes to it",
      shard_.path, shard_.bytes, bytes_now));
}

}  // namespace coldload::load
