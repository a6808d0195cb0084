#include "stand_in/delivery.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <set>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "os/crew.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "os/memory.h"
#include "storage/stand_in_mount.h"
#include "text/units.h"

namespace coldload::stand_in {

namespace {

namespace fs = std::filesystem;

struct SourceFile {
  std::string name;  // relative to the source
  std::uint64_t bytes = 0;
};

// The files whose bytes come through the mount, each inode once, largest first.
std::vector<SourceFile> source_files(const Options& options) {
  std::vector<SourceFile> files;
  std::set<os::FileId> seen;
  std::error_code error;
  const fs::path source = fs::canonical(options.source, error);
  if (error) throw os::SystemError("show", options.source, error.value());
  fs::recursive_directory_iterator it(source, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (os::interrupted()) break;
    struct stat status {};
    std::error_code ignored;
    const bool link = it->is_symlink(ignored);
    if (link && options.links == OutsideLinks::as_links) continue;
    if (::stat(it->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (status.st_size == 0 || !seen.insert({status.st_dev, status.st_ino}).second) continue;
    files.push_back({it->path().lexically_relative(source).string(),
                     static_cast<std::uint64_t>(status.st_size)});
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return files;
}

std::uint64_t total_bytes(const std::vector<SourceFile>& files) {
  std::uint64_t bytes = 0;
  for (const SourceFile& file : files) bytes += file.bytes;
  return bytes;
}

// A part of a file for one reader.
struct Extent {
  const SourceFile* file;
  std::uint64_t offset;
  std::uint64_t bytes;
};

// The first `bytes` of `files`, in equal shares for `readers`.
std::vector<std::vector<Extent>> shares(const std::vector<SourceFile>& files, std::uint64_t bytes,
                                        unsigned readers) {
  const std::uint64_t page = os::page_size();
  const std::uint64_t share = std::max(page, bytes / readers / page * page);
  std::vector<std::vector<Extent>> result(1);
  std::uint64_t room = share;
  for (const SourceFile& file : files) {
    std::uint64_t offset = 0;
    while (offset < file.bytes) {
      if (room == 0) {
        if (result.size() == readers) return result;
        result.emplace_back();
        room = share;
      }
      const std::uint64_t part = std::min(room, file.bytes - offset);
      result.back().push_back({&file, offset, part});
      offset += part;
      room -= part;
    }
  }
  return result;
}

enum class Way { read, mmap };

// One measurement: readers on a private mount, watched by the caller.
class Measurement {
 public:
  // `share_bytes`: what one reader reads.
  Measurement(Way way, double rate_bytes_per_s, std::uint64_t share_bytes) : way_(way) {
    // Small enough that the end of a block is known to a few per cent of the whole.
    constexpr double k_block_s = 0.02;
    constexpr double k_blocks = 32;
    constexpr std::uint64_t k_most_block = 1U << 20;
    const double wanted =
        std::min(rate_bytes_per_s * k_block_s, static_cast<double>(share_bytes) / k_blocks);
    while (block_bytes_ < k_most_block && static_cast<double>(block_bytes_) < wanted) {
      block_bytes_ *= 2;
    }
  }

  // Bytes per second that the mount answered for all readers together, readahead included: whoever
  // reads whole files uses that, too. Nothing where a read failed or nothing was read.
  std::optional<double> run(StandIn& stand_in, const std::vector<std::vector<Extent>>& work) {
    // The start is not measured: the bucket's credit, and readahead finding its pace.
    constexpr std::uint64_t k_start_share = 8;
    for (const std::vector<Extent>& extents : work) {
      for (const Extent& extent : extents) start_bytes_ += extent.bytes;
    }
    start_bytes_ /= k_start_share;
    os::Crew readers(static_cast<unsigned>(work.size()), [&](unsigned reader) {
      try {
        read_all(stand_in.path(), work[reader]);
        // One that has no more to read ends the span of all.
        if (!stop_.exchange(true)) take_sample(stand_in.path(), &to_);
      } catch (...) {
        stop_.store(true);
        throw;
      }
    });
    // A server that hangs would hold the readers for ever.
    constexpr std::chrono::seconds k_patience{20};
    if (!readers.wait_until(os::Clock::now() + k_limit + k_patience)) stand_in.abort();
    try {
      readers.join();
    } catch (const std::exception&) {
      return std::nullopt;
    }
    if (!from_ || !to_ || to_->bytes <= from_->bytes) return std::nullopt;
    return static_cast<double>(to_->bytes - from_->bytes) / os::seconds_between(from_->at, to_->at);
  }

 private:
  static constexpr std::chrono::seconds k_limit{1};

  // What the mount had answered at an instant.
  struct Sample {
    std::uint64_t bytes = 0;
    os::TimePoint at;
  };

  void take_sample(const std::string& root, std::optional<Sample>* taken) {
    const auto bytes = storage::stand_in_bytes_served(root);
    if (!bytes) throw os::Error("the stand-in does not tell what it served");
    const Sample now{*bytes, os::Clock::now()};
    const std::lock_guard lock(mutex_);
    *taken = now;
  }

  void read_all(const std::string& root, const std::vector<Extent>& extents) {
    const os::Mapping memory = os::Mapping::anonymous(block_bytes_);
    const os::TimePoint deadline = os::Clock::now() + k_limit;
    for (const Extent& extent : extents) {
      const os::Fd file = os::open_regular(root + "/" + extent.file->name);
      const os::Mapping mapping =
          way_ == Way::mmap ? os::Mapping::of_file(file, extent.file->bytes) : os::Mapping();
      for (std::uint64_t at = 0; at < extent.bytes; at += block_bytes_) {
        if (stop_.load() || os::Clock::now() > deadline || os::interrupted()) return;
        const std::uint64_t size = std::min(block_bytes_, extent.bytes - at);
        if (!read_block(file, mapping, extent.offset + at, memory.bytes().first(size))) {
          throw os::Error("a read failed");
        }
        account(root, size);
      }
    }
  }

  [[nodiscard]] bool read_block(const os::Fd& file, const os::Mapping& mapping,
                                std::uint64_t offset, std::span<std::byte> buffer) const {
    if (way_ == Way::read) return os::pread_full(file, buffer, offset) == buffer.size();
    // Faults page after page as touching them does, but a server that dies gives an error, not
    // SIGBUS.
    constexpr int k_populate_read = 22;  // MADV_POPULATE_READ, Linux 5.14
    return ::madvise(mapping.data() + offset, buffer.size(), k_populate_read) == 0;
  }

  void account(const std::string& root, std::uint64_t bytes) {
    const std::uint64_t before = done_.fetch_add(bytes);
    if (before < start_bytes_ && before + bytes >= start_bytes_) take_sample(root, &from_);
  }

  const Way way_;
  std::uint64_t block_bytes_ = 32U << 10;
  std::atomic<bool> stop_{false};
  // One span for all readers together: of spans of their own, one that a busy machine makes wait
  // would be counted at the rate that it has alone.
  std::uint64_t start_bytes_ = 0;
  std::atomic<std::uint64_t> done_{0};
  std::mutex mutex_;  // what follows
  std::optional<Sample> from_;
  std::optional<Sample> to_;
};

// Reads every file of the source once, so that the server finds them in memory. False where they
// are more than half of the memory that is available, and nothing was read. Stops early when
// interrupted.
bool warm_backing(const Options& options) {
  const std::vector<SourceFile> files = source_files(options);
  if (total_bytes(files) > os::available_memory_bytes().value_or(0) / 2) return false;
  constexpr std::size_t k_block_bytes = 1U << 20;
  const os::Mapping memory = os::Mapping::anonymous(k_block_bytes);
  for (const SourceFile& file : files) {
    const os::Fd opened = os::open_regular(options.source + "/" + file.name);
    for (std::uint64_t at = 0; at < file.bytes && !os::interrupted(); at += k_block_bytes) {
      if (os::pread_full(opened, memory.bytes(), at) == 0) break;
    }
  }
  return true;
}

// Measures, on a private mount for each way of reading, what readers of cold pages get; about a
// second for each. A file system that does not answer is given up, not waited for. Throws
// os::Error where nothing can be mounted.
Delivered measure_delivered(const Options& options) {
  constexpr double k_wanted_s = 0.7;
  constexpr double k_least_s = 0.25;
  constexpr unsigned k_parallel = 4;
  Delivered delivered;
  const std::vector<SourceFile> files = source_files(options);
  const std::uint64_t there = total_bytes(files);
  if (static_cast<double>(there) < rate_for(options.pace, k_parallel) * k_least_s) {
    delivered.not_measured = fmt::format("only {} to read", text::format_bytes(there));
    return delivered;
  }
  Options private_options = options;
  private_options.mount_point.clear();
  private_options.more_mount_points.clear();
  private_options.faults = {};
  const auto measure = [&](Way way, unsigned readers) {
    const double rate = rate_for(options.pace, readers);
    const auto wanted =
        static_cast<std::uint64_t>(std::min(rate * k_wanted_s, static_cast<double>(there)));
    StandIn stand_in(private_options);
    return Measurement(way, rate, wanted / readers).run(stand_in, shares(files, wanted, readers));
  };
  delivered.read_bytes_per_s = measure(Way::read, 1);
  delivered.mmap_bytes_per_s = measure(Way::mmap, 1);
  delivered.parallel_bytes_per_s = measure(Way::read, k_parallel);
  if (!delivered.read_bytes_per_s || !delivered.mmap_bytes_per_s ||
      !delivered.parallel_bytes_per_s) {
    delivered.not_measured = "a read failed or was interrupted";
  }
  return delivered;
}

}  // namespace

StandIn mount(const Options& options) {
  Description known;
  {
    // Everything that can be refused is refused before minutes are spent on reading.
    const StandIn trial(options);
    known = trial.description();
  }
  if (options.backing == Backing::warm) known.warmed = warm_backing(options);
  known.delivered = measure_delivered(options);
  if (os::interrupted()) throw os::Error("interrupted while a stand-in was being measured");
  return StandIn(options, known);
}

}  // namespace coldload::stand_in
