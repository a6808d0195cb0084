// Page-cache control: how much of a set of files is in memory, getting them
// out, and bringing them in.
//
// Eviction is advisory: the kernel skips pages that are dirty, mapped or
// locked. A caller that claims "cold" must measure residency after evicting.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/dylib.h"
#include "os/fd.h"
#include "os/file_pages.h"

namespace coldload::storage {

// A set of files, each opened and mapped once. Looking goes through these mappings, because
// opening a file again can drop its pages (FUSE without keep_cache). No page is ever faulted in
// by looking.
class PageCacheView {
 public:
  // Opens every file. Throws os::Error that names the file that cannot be opened.
  explicit PageCacheView(const std::vector<std::string>& paths);

  [[nodiscard]] std::size_t size() const { return files_.size(); }
  [[nodiscard]] const std::string& path(std::size_t index) const { return files_[index].fd.path(); }
  [[nodiscard]] std::uint64_t file_bytes(std::size_t index) const { return files_[index].bytes; }
  // What of a file is in the page cache: whole pages, but never more than the file has. Nothing
  // where the kernel does not tell: it answers "all" for a file that one neither owns nor may
  // write.
  [[nodiscard]] std::optional<std::uint64_t> resident_bytes(std::size_t index) const;

  // Over all files; nothing if it is not known for one of them.
  [[nodiscard]] std::optional<std::uint64_t> resident_bytes() const {
    return resident_bytes_of_first(files_.size());
  }
  // Over the first `count` files.
  [[nodiscard]] std::optional<std::uint64_t> resident_bytes_of_first(std::size_t count) const;
  // Over some of them.
  [[nodiscard]] std::optional<std::uint64_t> resident_bytes_of(
      const std::vector<std::size_t>& files) const;
  // One page; nothing where the kernel does not tell.
  [[nodiscard]] std::optional<bool> is_resident(std::size_t index, std::uint64_t page) const;
  // Whether the kernel tells us about every file.
  [[nodiscard]] bool observable() const { return why_unseen().empty(); }
  // Why it does not tell about one of them (os::FilePages); empty where it does.
  [[nodiscard]] std::string why_unseen() const;

  // Flushes each file in order, asks the kernel to drop its pages, and repeats until nothing is
  // resident, nothing can be done (a file in memory, or that a process maps and locks), or
  // `patience`, which begins after the first flush, is over. A partial eviction is an outcome, not
  // an error: look at resident_bytes() afterwards. Throws os::SystemError if a call fails.
  void evict(std::chrono::milliseconds patience) const;

  // The indices of every file.
  [[nodiscard]] std::vector<std::size_t> all() const;
  // Reads these files with pread(2), so that they are resident where memory allows; up to three
  // times where pages are gone again by the end. A child does, which opens them again: who waits in
  // a mount that hangs cannot be ended. `progress` is called with the bytes read so far in this
  // pass. An interrupt ends it early; throws os::Error where a file cannot be read, or where a
  // read does not return within a minute.
  void warm(const std::vector<std::size_t>& files,
            const std::function<void(std::uint64_t)>& progress) const;

 private:
  struct File {
    os::Fd fd;
    std::uint64_t bytes = 0;
    os::FilePages pages;
  };

  bool read(const std::vector<std::size_t>& files,
            const std::function<void(std::uint64_t)>& progress) const;
  static void drop(const File& file);

  std::vector<File> files_;
};

// PageCacheView::evict, by a child that opens the files itself: who waits for a flush in a mount
// that hangs cannot be ended. False where an interrupt came first. Throws os::Error where a call
// fails, or where a flush does not go on for a minute.
[[nodiscard]] bool evict_by_child(const std::vector<std::string>& paths,
                                  std::chrono::milliseconds patience);

// Whether this process may do so.
[[nodiscard]] os::Availability may_drop_all_caches();
// Drops all clean pages, directory entries and inodes of the machine, also other people's. Throws
// os::Error where one is not root.
void drop_all_caches();

// Whether opening a file of this mount a second time drops its pages, tried on `path` (a small
// file: up to 64 KiB of it are read). Nothing where residency cannot be seen.
[[nodiscard]] std::optional<bool> reopening_drops_pages(const std::string& path);

}  // namespace coldload::storage
