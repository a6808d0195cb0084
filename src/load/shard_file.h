// One shard while it is loaded: opened when its first piece is due, closed when its last byte has
// arrived, watched for changes in between.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <vector>

#include "load/fallbacks.h"
#include "load/loader.h"
#include "load/page_map.h"
#include "os/fd.h"
#include "os/file_pages.h"

namespace coldload::load {

// A run of bytes that belongs to one route.
struct Piece {
  std::uint64_t shard = 0;   // index
  std::uint64_t offset = 0;  // a multiple of k_block_bytes
  std::uint64_t bytes = 0;
  bool resident = false;  // every page was in the page cache when we looked
};

// Thread-safe.
class ShardFile {
 public:
  struct Access {
    bool use_direct = true;   // O_DIRECT
    bool keep_pages = false;  // else the page cache is left as it was found
  };
  ShardFile(const Shard& shard, std::uint64_t index, const Access& access, Fallbacks& fallbacks);

  [[nodiscard]] const std::string& path() const { return shard_.path; }
  // Of the file.
  [[nodiscard]] std::uint64_t bytes() const { return shard_.bytes; }
  // What of it is loaded: so much, from here on.
  [[nodiscard]] std::uint64_t begin() const { return shard_.begin; }
  [[nodiscard]] std::uint64_t wanted_bytes() const { return shard_.wanted_bytes(); }

  // Opens the file if it is not open. Throws where it cannot be opened, is no regular file, or has
  // another size than the shard should have.
  void open();

  // Whether a daemon may answer for it. open() first.
  [[nodiscard]] bool lies_on_fuse() const { return on_fuse_; }

  // Residency of [offset, offset + bytes), one piece per run. A block with one page missing
  // counts as absent as a whole. Where the kernel does not tell us (it hides the page cache of
  // files that we neither own nor may write) everything counts as resident, so that it is read
  // through the page cache: right in both cases, if slower in one. open() first.
  [[nodiscard]] std::vector<Piece> pieces(std::uint64_t offset, std::uint64_t bytes);

  // The descriptor for O_DIRECT, -1 where the file or its file system refuses it. open() first.
  [[nodiscard]] int direct_fd() const { return direct_usable_ ? file_.get() : -1; }
  // Alignment of offset and length that direct_fd() wants.
  [[nodiscard]] std::uint64_t alignment() const { return alignment_; }
  // From now on direct_fd() is -1: a read with O_DIRECT was refused.
  void refuse_direct();
  // The descriptor for reads through the page cache; opened when first asked for.
  [[nodiscard]] int buffered_fd();

  // `piece` has arrived: what it brought into the page cache is dropped again. True where it was
  // the last: the file is then closed, after a check that it is what it was when it was opened.
  // Throws os::Error if not.
  [[nodiscard]] bool arrived(const Piece& piece);

 private:
  void choose_route();
  void stop_readahead(const os::Fd& file) const;
  void drop_behind(std::uint64_t offset, std::uint64_t bytes);
  [[nodiscard]] bool direct_left_pages();
  [[nodiscard]] os::Error changed(std::uint64_t bytes_now) const;

  const Shard shard_;
  const std::uint64_t index_;
  const Access access_;
  Fallbacks& fallbacks_;
  std::atomic<std::uint64_t> bytes_missing_;

  std::mutex mutex_;  // opening
  os::Fd file_;       // O_DIRECT where direct_usable_
  os::Fd buffered_;   // only where file_ is O_DIRECT and the page cache is wanted too
  os::FilePages pages_;
  bool on_fuse_ = false;
  std::atomic<bool> direct_usable_{false};
  std::atomic<bool> opened_direct_{false};
  std::atomic<bool> page_cache_used_{false};
  PageMap found_;  // the page cache before the load
  std::uint64_t alignment_ = 0;
  timespec modified_at_{};
};

}  // namespace coldload::load
