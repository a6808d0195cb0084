#include "start_set/many_files.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/file_pages.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "storage/file_systems.h"
#include "storage/mounts.h"
#include "storage/watched_threads.h"

namespace coldload::start_set {

namespace {

constexpr unsigned k_threads = 16;  // a network mount answers each opening by itself
constexpr std::chrono::seconds k_patience{60};
// After an interrupt: a call that then is still pending hangs.
constexpr std::chrono::seconds k_patience_interrupted{5};

// Nothing where it is not there, or none that may be opened.
std::optional<os::Fd> opened(const std::string& path) {
  try {
    return os::open_regular(path);
  } catch (const os::Error&) {
    return std::nullopt;
  }
}

FileState state_of(const os::Fd& file, const std::vector<storage::Mount>& mounts,
                   os::FilePages* pages) {
  constexpr std::int64_t k_ns_per_s = 1'000'000'000;
  const struct stat info = os::file_status(file);
  FileState state;
  state.is_there = true;
  state.id = {info.st_dev, info.st_ino};
  state.bytes = static_cast<std::uint64_t>(info.st_size);
  state.changed_ns = info.st_mtim.tv_sec * k_ns_per_s + info.st_mtim.tv_nsec;
  const storage::Mount* const mount = storage::mount_on(mounts, info.st_dev);
  state.is_memory = mount != nullptr && storage::file_system_of(*mount).memory;
  if (mount != nullptr && storage::opening_may_drop_pages(*mount)) return state;
  *pages = os::FilePages(file, state.bytes);
  if (pages->observable()) state.resident_bytes = pages->resident_bytes();
  return state;
}

std::vector<Range> ranges_of(const os::FilePages& pages, std::uint64_t bytes) {
  std::vector<Range> ranges;
  if (!pages.observable() || bytes == 0) return ranges;
  const std::uint64_t page = os::page_size();
  const std::vector<bool> resident = pages.look(0, bytes);
  for (std::size_t i = 0; i < resident.size(); ++i) {
    if (!resident[i]) continue;
    const std::uint64_t at = i * page;
    const std::uint64_t length = std::min(page, bytes - at);
    if (!ranges.empty() && ranges.back().offset + ranges.back().bytes == at) {
      ranges.back().bytes += length;
    } else {
      ranges.push_back({at, length});
    }
  }
  return ranges;
}

// Calls `work` for each index below `count`, in several threads, which own it.
void for_each(std::size_t count, const std::function<const std::string&(std::size_t)>& path_of,
              const std::function<void(std::size_t, storage::PendingCall&)>& work) {
  if (count == 0) return;
  const auto next = std::make_shared<std::atomic<std::size_t>>(0);
  const auto threads = static_cast<unsigned>(std::min<std::size_t>(count, k_threads));
  const auto give_up = [](const std::vector<storage::PendingCall>& calls) {
    const storage::PendingCall* const oldest = os::oldest(calls);
    const auto patience = os::interrupted() ? k_patience_interrupted : k_patience;
    return os::Clock::now() + patience - (oldest ? oldest->waited() : os::Clock::duration{});
  };
  storage::run_watched(threads, give_up,
                       [next, count, path_of, work](unsigned, storage::PendingCall& call) {
                         for (;;) {
                           const std::size_t i = (*next)++;
                           if (i >= count) break;
                           call.begin_open(path_of(i));
                           work(i, call);
                           call.end();
                         }
                       });
}

// What the threads of a walk share: those that hang keep it.
struct Walk {
  explicit Walk(std::vector<std::string> all) : paths(std::move(all)), found(paths.size()) {}
  std::vector<std::string> paths;
  std::vector<storage::Mount> mounts = storage::current_mounts();
  std::vector<FileParts> found;
};

std::vector<FileParts> walk(const std::vector<std::string>& paths, bool with_parts) {
  const auto shared = std::make_shared<Walk>(paths);
  for_each(
      paths.size(), [shared](std::size_t i) -> const std::string& { return shared->paths[i]; },
      [shared, with_parts](std::size_t i, storage::PendingCall&) {
        const auto file = opened(shared->paths[i]);
        if (!file) return;
        os::FilePages pages;
        FileParts& found = shared->found[i];
        found.state = state_of(*file, shared->mounts, &pages);
        if (with_parts) found.in_memory = ranges_of(pages, found.state.bytes);
      });
  return std::move(shared->found);
}

// False where some of its pages are seen to stay.
bool evict_file(const os::Fd& file) {
  const std::uint64_t bytes = os::file_size(file);
  if (bytes == 0) return true;
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  const os::FilePages pages(file, bytes);
  if (!pages.observable() || pages.resident_bytes() == 0) return true;
  // Only dirty pages need it, and on a disk each flush may take long.
  ::fdatasync(file.get());
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  return pages.resident_bytes() == 0;
}

}  // namespace

std::vector<FileState> look_at(const std::vector<std::string>& paths) {
  std::vector<FileState> states;
  states.reserve(paths.size());
  for (const FileParts& found : walk(paths, false)) states.push_back(found.state);
  return states;
}

std::vector<FileParts> parts_in_memory(const std::vector<std::string>& paths) {
  return walk(paths, true);
}

std::vector<std::string> evict(const std::vector<std::string>& paths) {
  struct Eviction {
    std::vector<std::string> paths;
    std::vector<char> stays;  // not bool: each thread writes its own
  };
  const auto shared = std::make_shared<Eviction>(Eviction{paths, std::vector<char>(paths.size())});
  for_each(
      paths.size(), [shared](std::size_t i) -> const std::string& { return shared->paths[i]; },
      [shared](std::size_t i, storage::PendingCall&) {
        if (os::interrupted()) return;
        const auto file = opened(shared->paths[i]);
        shared->stays[i] = file && !evict_file(*file) ? 1 : 0;
      });
  std::vector<std::string> left;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (shared->stays[i] != 0) left.push_back(paths[i]);
  }
  return left;
}

void read_parts(const std::vector<StartFile>& files) {
  const auto shared = std::make_shared<const std::vector<StartFile>>(files);
  for_each(
      files.size(), [shared](std::size_t i) -> const std::string& { return (*shared)[i].path; },
      [shared](std::size_t i, storage::PendingCall& call) {
        const StartFile& wanted = (*shared)[i];
        if (wanted.in_memory.empty() || os::interrupted()) return;
        const auto file = opened(wanted.path);
        if (!file) return;
        constexpr std::uint64_t k_block = std::uint64_t{1} << 20;
        std::vector<std::byte> buffer(k_block);
        for (const Range& range : wanted.in_memory) {
          for (std::uint64_t at = 0; at < range.bytes; at += k_block) {
            const std::uint64_t length = std::min(k_block, range.bytes - at);
            call.begin_read(wanted.path, range.offset + at);
            if (os::pread_full(*file, std::span(buffer).first(length), range.offset + at) == 0) {
              return;
            }
          }
        }
      });
}

}  // namespace coldload::start_set
