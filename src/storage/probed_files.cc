#include "storage/probed_files.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <set>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/descriptor_limit.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/mapping.h"

namespace coldload::storage {

namespace {

std::size_t pages_of(std::uint64_t bytes) {
  return (bytes + os::page_size() - 1) / os::page_size();
}

bool is_refusal(int error_number) { return error_number == EINVAL || error_number == EOPNOTSUPP; }

}  // namespace

std::vector<std::string> spread_over(const std::vector<std::string>& paths, std::size_t count) {
  if (paths.size() <= count) return paths;
  if (count < 2) return {paths.begin(), paths.begin() + static_cast<std::ptrdiff_t>(count)};
  std::vector<std::string> some;
  for (std::size_t i = 0; i < count; ++i) {
    some.push_back(paths[i * (paths.size() - 1) / (count - 1)]);
  }
  return some;
}

std::size_t most_probed_files() {
  constexpr std::size_t k_enough = 256;
  constexpr std::size_t k_for_others = 64;
  const std::size_t allowed = os::descriptor_limit();
  const std::size_t room = allowed > k_for_others ? (allowed - k_for_others) / 2 : 1;
  return std::clamp<std::size_t>(room, 1, k_enough);
}

void ProbedFiles::open(PendingCall& call) {
  std::set<os::FileId> known;
  for (const std::string& path : paths_) {
    call.begin_open(path);
    File file;
    file.buffered = os::open_regular(path);
    // By another name, what was read would be read again.
    const bool is_new = known.insert(os::file_id(file.buffered)).second;
    file.bytes = is_new ? os::file_size(file.buffered) : 0;
    files_.push_back(std::move(file));
    call.end();
  }
  open_direct(call);
  // Only now: where a FUSE mount drops a file's pages when it is opened, they are gone already.
  for (File& file : files_) {
    file.pages = os::FilePages(file.buffered, file.bytes);
    on_fuse_ = on_fuse_ || os::lies_on_fuse(file.buffered);
    file.dirty.resize((file.bytes + k_request_bytes - 1) / k_request_bytes);
    file.found.resize(pages_of(file.bytes));
    observable_ = observable_ && file.pages.observable();
    if (observable_) file.found = file.pages.look(0, file.bytes);
  }
}

void ProbedFiles::open_direct(PendingCall& call) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    File& file = files_[i];
    call.begin_open(paths_[i]);
    try {
      file.direct = os::open_file(paths_[i], O_RDONLY | O_NONBLOCK | O_DIRECT);
    } catch (const os::SystemError& error) {
      if (!is_refusal(error.code())) throw;
      refusal_ = fmt::format("the file system refuses O_DIRECT ({})", os::error_text(error.code()));
    }
    call.end();
    if (i == 0 && refusal_.empty() && file.bytes > 0) {
      const os::Mapping page = os::Mapping::anonymous(os::page_size());
      call.begin_read(paths_[i], 0);
      const ssize_t got = ::pread(file.direct.get(), page.data(), page.size(), 0);
      const int error_number = errno;
      call.end();
      if (got < 0 && !is_refusal(error_number)) {
        throw os::SystemError("read", paths_[i], error_number);
      }
      if (got < 0) {
        refusal_ =
            fmt::format("reads with O_DIRECT are refused ({})", os::error_text(error_number));
      }
    }
    if (!refusal_.empty()) break;
  }
  if (refusal_.empty()) return;
  for (File& file : files_) file.direct.reset();
}

std::vector<Block> ProbedFiles::blocks() const {
  std::vector<Block> all;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    for (std::uint64_t offset = 0; offset < files_[i].bytes; offset += k_request_bytes) {
      all.push_back({i, offset, std::min(k_request_bytes, files_[i].bytes - offset)});
    }
  }
  std::stable_partition(all.begin(), all.end(), [this](const Block& block) {
    const std::vector<bool>& found = files_[block.file].found;
    const auto first = found.begin() + static_cast<std::ptrdiff_t>(block.offset / os::page_size());
    const auto end = first + static_cast<std::ptrdiff_t>(pages_of(block.bytes));
    return std::find(first, end, true) == end;
  });
  return all;
}

void ProbedFiles::mark_dirty(File& file, const Block& block) {
  std::atomic_ref(file.dirty[block.offset / k_request_bytes]).store(1, std::memory_order_relaxed);
}

std::size_t ProbedFiles::read(const Block& block, std::uint64_t offset, std::span<std::byte> buffer,
                              Way way, PendingCall& call) {
  File& file = files_[block.file];
  const int fd = way == Way::direct ? file.direct.get() : file.buffered.get();
  if (way == Way::buffered) mark_dirty(file, block);
  std::size_t done = 0;
  while (done < buffer.size()) {
    call.begin_read(paths_[block.file], offset + done);
    const ssize_t got =
        ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    const int error_number = errno;
    call.end();
    if (got < 0 && error_number == EINTR) continue;
    if (got < 0) {
      throw os::SystemError(
          "read", fmt::format("{} at offset {}", paths_[block.file], offset + done), error_number);
    }
    done += static_cast<std::size_t>(got);
    // The end of the file; past it, O_DIRECT would want another alignment.
    if (got == 0 || offset + done >= file.bytes) break;
    if (way == Way::direct && done % os::page_size() != 0) break;
  }
  return done;
}

std::uint64_t ProbedFiles::resident_bytes(const Block& block) const {
  return files_[block.file].pages.resident_bytes(block.offset, block.bytes);
}

bool ProbedFiles::make_absent(const Block& block) {
  if (!observable_) return false;
  if (resident_bytes(block) == 0) return true;
  File& file = files_[block.file];
  mark_dirty(file, block);
  // What was just written is clean only after a flush.
  if (::fdatasync(file.buffered.get()) != 0 && errno != EROFS && errno != EINVAL) {
    throw os::SystemError("flush", file.buffered.path(), errno);
  }
  drop(file, {block.offset, pages_of(block.bytes) * os::page_size()});
  return resident_bytes(block) == 0;
}

void ProbedFiles::set_readahead(Readahead readahead) {
  const int advice = readahead == Readahead::on ? POSIX_FADV_NORMAL : POSIX_FADV_RANDOM;
  for (const File& file : files_) ::posix_fadvise(file.buffered.get(), 0, 0, advice);
}

void ProbedFiles::drop(const File& file, const Run& run) {
  const int error_number = ::posix_fadvise(file.buffered.get(), static_cast<off_t>(run.offset),
                                           static_cast<off_t>(run.bytes), POSIX_FADV_DONTNEED);
  if (error_number != 0) throw os::SystemError("evict", file.buffered.path(), error_number);
}

std::vector<ProbedFiles::Run> ProbedFiles::changed(const File& file, std::size_t block,
                                                   Change change) {
  const std::uint64_t begin = block * k_request_bytes;
  const auto now = file.pages.look(begin, std::min(k_request_bytes, file.bytes - begin));
  const bool resident = change == Change::came;
  std::vector<Run> runs;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::uint64_t offset = begin + i * os::page_size();
    if (now[i] != resident || file.found[offset / os::page_size()] == resident) continue;
    const bool goes_on = !runs.empty() && runs.back().offset + runs.back().bytes == offset;
    if (!goes_on) runs.push_back({offset, 0});
    runs.back().bytes += os::page_size();
  }
  return runs;
}

void ProbedFiles::drop_what_came() {
  if (!observable_) return;
  // Readahead goes past what was asked for; how far, the mount decides.
  constexpr std::size_t k_blocks_behind = 16;
  for (const File& file : files_) {
    std::size_t clean_from = 0;  // first block that no readahead can have reached
    for (std::size_t block = 0; block < file.dirty.size(); ++block) {
      if (file.dirty[block] != 0) clean_from = block + 1 + k_blocks_behind;
      if (block >= clean_from) continue;
      // A page on its way to the LRU lists stays at the first try.
      constexpr int k_tries = 5;
      for (int attempt = 0; attempt < k_tries; ++attempt) {
        const std::vector<Run> came = changed(file, block, Change::came);
        if (came.empty()) break;
        for (const Run& run : came) drop(file, run);
        if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
  }
}

void ProbedFiles::restore(PendingCall& call) {
  if (!observable_) return;
  set_readahead(Readahead::off);
  const os::Mapping buffer = os::Mapping::anonymous(k_request_bytes);
  for (const Block& block : blocks()) {
    const std::size_t number = block.offset / k_request_bytes;
    if (files_[block.file].dirty[number] == 0) continue;
    for (const Run& run : changed(files_[block.file], number, Change::gone)) {
      read(block, run.offset, buffer.bytes().first(run.bytes), Way::buffered, call);
    }
  }
  drop_what_came();
}

}  // namespace coldload::storage
