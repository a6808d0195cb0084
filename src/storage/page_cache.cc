#include "storage/page_cache.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <numeric>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/child_answer.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/mapping.h"
#include "os/told_step.h"
#include "storage/holders.h"
#include "storage/path_info.h"

namespace coldload::storage {

namespace {

constexpr const char* k_drop_caches = "/proc/sys/vm/drop_caches";

// Where the page cache is the storage.
bool lies_in_memory(const std::string& path) {
  try {
    return inspect_path(path).cache == CacheKind::memory_backed;
  } catch (const os::SystemError&) {
    return false;  // it has lost its name
  }
}

bool is_locked(const std::string& path) {
  const std::vector<Holder> holders = find_holders({path});
  return std::any_of(holders.begin(), holders.end(),
                     [](const Holder& one) { return one.kind == HoldKind::locked; });
}

// Piece by piece, so that who waits sees that it goes on; then what belongs to the whole file.
void flush(const os::Fd& file, std::uint64_t bytes) {
  constexpr std::uint64_t k_piece = std::uint64_t{64} << 20;
  constexpr unsigned k_write_and_wait =
      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  // A read-only file system answers EROFS or EINVAL: it has nothing dirty.
  const auto require = [&file](int result) {
    const bool may_fail = errno == EROFS || errno == EINVAL;
    if (result != 0 && !may_fail) throw os::SystemError("flush", file.path(), errno);
  };
  for (std::uint64_t offset = 0; offset < bytes; offset += k_piece) {
    os::about_to("flush", file.path());
    require(::sync_file_range(file.get(), static_cast<off64_t>(offset),
                              static_cast<off64_t>(k_piece), k_write_and_wait));
  }
  os::about_to("flush", file.path());
  require(::fdatasync(file.get()));
}

}  // namespace

PageCacheView::PageCacheView(const std::vector<std::string>& paths) {
  files_.reserve(paths.size());
  for (const std::string& path : paths) {
    File file;
    file.fd = os::open_regular(path);
    file.bytes = os::file_size(file.fd);
    file.pages = os::FilePages(file.fd, file.bytes);
    files_.push_back(std::move(file));
  }
}

std::optional<std::uint64_t> PageCacheView::resident_bytes(std::size_t index) const {
  const os::FilePages& pages = files_[index].pages;
  return pages.observable() ? std::optional(pages.resident_bytes()) : std::nullopt;
}

std::optional<std::uint64_t> PageCacheView::resident_bytes_of_first(std::size_t count) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto bytes = resident_bytes(i);
    if (!bytes) return std::nullopt;
    sum += *bytes;
  }
  return sum;
}

std::optional<std::uint64_t> PageCacheView::resident_bytes_of(
    const std::vector<std::size_t>& files) const {
  std::uint64_t sum = 0;
  for (const std::size_t file : files) {
    const auto bytes = resident_bytes(file);
    if (!bytes) return std::nullopt;
    sum += *bytes;
  }
  return sum;
}

std::optional<bool> PageCacheView::is_resident(std::size_t index, std::uint64_t page) const {
  const File& file = files_[index];
  if (!file.pages.observable()) return std::nullopt;
  return file.pages.resident_bytes(page * os::page_size(), 1) > 0;
}

std::string PageCacheView::why_unseen() const {
  const auto unseen = std::find_if(files_.begin(), files_.end(),
                                   [](const File& f) { return !f.pages.observable(); });
  return unseen == files_.end() ? "" : unseen->pages.why_unseen();
}

void PageCacheView::drop(const File& file) {
  flush(file.fd, file.bytes);
  os::about_to("evict", file.fd.path());
  const int error_number = ::posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  if (error_number != 0) throw os::SystemError("evict", file.fd.path(), error_number);
}

void PageCacheView::evict(std::chrono::milliseconds patience) const {
  std::vector<std::size_t> left = all();
  // Where residency cannot be seen there is nothing to poll for, and one pass leaves pages that are
  // still on their way to the LRU lists.
  constexpr int k_blind_passes = 4;
  // What goes by itself has gone by then; who maps the rest is not looked for before.
  constexpr int k_patient_passes = 20;
  os::TimePoint deadline;
  for (int pass = 1;; ++pass) {
    for (const std::size_t index : left) drop(files_[index]);
    // What is dirty takes as long to be flushed as it takes.
    if (pass == 1) deadline = os::Clock::now() + patience;
    std::erase_if(left, [&](std::size_t i) {
      return resident_bytes(i) == 0 || (pass == 1 && lies_in_memory(path(i))) ||
             (pass == k_patient_passes && is_locked(path(i)));
    });
    if (left.empty() || os::Clock::now() >= deadline) return;
    if (!observable() && pass >= k_blind_passes) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(observable() ? 5 : 50));
  }
}

bool evict_by_child(const std::vector<std::string>& paths, std::chrono::milliseconds patience) {
  const auto evict = [&](const os::Tell&) -> std::string {
    PageCacheView(paths).evict(patience);
    return "";
  };
  return os::answer_of_telling_child(evict).has_value();
}

std::vector<std::size_t> PageCacheView::all() const {
  std::vector<std::size_t> files(files_.size());
  std::iota(files.begin(), files.end(), std::size_t{0});
  return files;
}

// False: interrupted.
bool PageCacheView::read(const std::vector<std::size_t>& files,
                         const std::function<void(std::uint64_t)>& progress) const {
  const auto read_all = [&](const os::Tell& tell) -> std::string {
    constexpr std::size_t k_block = std::size_t{4} << 20;
    const os::Mapping buffer = os::Mapping::anonymous(k_block);
    std::uint64_t total = 0;
    for (const std::size_t index : files) {
      const std::string step = "read " + path(index);
      tell(step, total);
      const os::Fd file = os::open_regular(path(index));
      for (std::uint64_t offset = 0; offset < files_[index].bytes; offset += k_block) {
        const std::size_t got = os::pread_full(file, buffer.bytes(), offset);
        total += got;
        tell(step, total);
        if (got < k_block) break;
      }
    }
    tell("come to an end", total);
    return "";
  };
  return os::answer_of_telling_child(read_all, progress).has_value();
}

void PageCacheView::warm(const std::vector<std::size_t>& files,
                         const std::function<void(std::uint64_t)>& progress) const {
  // Where the kernel reclaims idle pages early (DAMON), the first ones are gone when the last are
  // in. Another pass reads what is there at memory's speed, and what is missing again.
  constexpr int k_passes = 3;
  const auto is_in = [this](std::size_t file) {
    return resident_bytes(file).value_or(files_[file].bytes) == files_[file].bytes;
  };
  for (int pass = 1; pass <= k_passes; ++pass) {
    if (!read(files, progress) || std::all_of(files.begin(), files.end(), is_in)) return;
  }
}

std::optional<bool> reopening_drops_pages(const std::string& path) {
  const PageCacheView first({path});
  if (!first.observable() || first.file_bytes(0) == 0) return std::nullopt;
  const os::Fd reader = os::open_regular(path);
  std::vector<std::byte> buffer(64 << 10);
  os::pread_full(reader, buffer, 0);
  const auto before = first.resident_bytes();
  if (!before || *before == 0) return std::nullopt;
  const os::Fd second = os::open_regular(path);
  return first.resident_bytes() == 0;
}

os::Availability may_drop_all_caches() {
  if (::access(k_drop_caches, W_OK) == 0) return {true, ""};
  return {false, fmt::format("{}: {}", k_drop_caches, os::error_text(errno))};
}

void drop_all_caches() {
  ::sync();
  std::ofstream control(k_drop_caches);
  control << "3\n";
  control.close();
  if (!control) throw os::Error("cannot drop the machine's caches: --drop-caches needs root");
}

}  // namespace coldload::storage
