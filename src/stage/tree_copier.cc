#include "stage/tree_copier.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "os/token_bucket.h"
#include "stage/bounded_threads.h"
#include "stage/file_copy.h"
#include "stage/read_way_choice.h"

namespace coldload::stage {

namespace {

// Many small files are made durable by one flush of their file system; few large ones, each by its
// own, so that nobody else's data are waited for.
constexpr std::size_t k_most_own_flushes = 64;

// Whether syncfs(2) reaches the disk and tells what failed: not on FUSE, and from Linux 5.8 on.
bool can_flush_at_once(const os::Fd& directory) {
  struct statfs info {};
  if (::fstatfs(directory.get(), &info) != 0 || info.f_type == FUSE_SUPER_MAGIC) return false;
  struct utsname kernel {};
  if (::uname(&kernel) != 0) return false;
  unsigned major = 0;
  unsigned minor = 0;
  const std::string_view release = kernel.release;
  const char* const end = release.data() + release.size();
  const auto dot = std::from_chars(release.data(), end, major);
  if (dot.ec != std::errc() || dot.ptr == end) return false;
  std::from_chars(dot.ptr + 1, end, minor);
  return major > 5 || (major == 5 && minor >= 8);
}

// Owned by the threads too: one that hangs in the kernel keeps it.
class CopyJob {
 public:
  enum class Flush { each, at_once };
  CopyJob(SourceTree tree, const std::string& data, std::shared_ptr<Journal> journal,
          const TreeCopyOptions& options, Flush flush)
      : tree_(std::move(tree)),
        journal_(std::move(journal)),
        flush_each_(flush == Flush::each),
        choice_(options.jobs) {
    constexpr std::chrono::milliseconds k_burst{50};
    if (options.limit_bytes_per_s) limit_.emplace(*options.limit_bytes_per_s, k_burst);
    hashes_.reserve(tree_.files.size());
    for (const SourceFile& file : tree_.files) {
      destinations_.push_back(data + "/" + file.name);
      hashes_.emplace_back(chunks_of(file.bytes));
      // An empty file has one step too: it is made.
      steps_.push_back(std::max<std::size_t>(1, chunks_of(file.bytes)));
    }
    for (std::size_t i = 0; i < tree_.files.size(); ++i) {
      files_.emplace_back(tree_.files[i].real_path, destinations_[i], tree_.files[i].bytes);
      left_.emplace_back(steps_[i]);
    }
    for (const JournalEntry& entry : journal_->found()) {
      claimed_[{entry.file, entry.chunk}] = entry.hash;
    }
  }

  void work(os::PendingCall& call);
  void stop() { stopped_ = true; }
  [[nodiscard]] bool stopped() const { return stopped_; }

  [[nodiscard]] std::uint64_t copied_bytes() const { return copied_; }
  [[nodiscard]] std::uint64_t resumed_bytes() const { return resumed_; }
  // Of most of what was copied.
  [[nodiscard]] ReadWay read_way() const {
    return 2 * direct_ >= copied_ ? ReadWay::direct : ReadWay::buffered;
  }
  [[nodiscard]] const std::vector<std::vector<Hash>>& hashes() const { return hashes_; }

 private:
  struct Step {
    std::size_t file = 0;
    std::size_t chunk = 0;
  };
  std::optional<Step> next();
  void take(const Step& step, std::span<std::byte> buffer, os::PendingCall& call);
  void copy(const Step& step, std::span<std::byte> buffer, os::PendingCall& call);
  bool pace(std::size_t bytes);

  const SourceTree tree_;
  const std::shared_ptr<Journal> journal_;
  const bool flush_each_;
  std::vector<std::string> destinations_;
  std::vector<std::size_t> steps_;
  std::deque<FileCopy> files_;
  std::deque<std::atomic<std::size_t>> left_;  // steps of each file that are not done
  std::vector<std::vector<Hash>> hashes_;      // each written by the one thread that has the chunk
  std::map<std::pair<std::size_t, std::size_t>, Hash> claimed_;  // what the journal says
  std::mutex mutex_;
  Step at_;
  ReadWayChoice choice_;
  std::mutex limit_mutex_;
  std::optional<os::TokenBucket> limit_;
  std::mutex journal_mutex_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> copied_{0};
  std::atomic<std::uint64_t> direct_{0};  // of them, with O_DIRECT
  std::atomic<std::uint64_t> resumed_{0};
};

std::optional<CopyJob::Step> CopyJob::next() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || at_.file >= steps_.size()) return std::nullopt;
  const Step step = at_;
  if (++at_.chunk >= steps_[at_.file]) at_ = {at_.file + 1, 0};
  return step;
}

void CopyJob::work(os::PendingCall& call) {
  const os::Mapping buffer = os::Mapping::anonymous(k_copy_block_bytes);
  try {
    while (const auto step = next()) take(*step, buffer.bytes(), call);
  } catch (...) {
    stop();  // the others
    throw;
  }
}

void CopyJob::take(const Step& step, std::span<std::byte> buffer, os::PendingCall& call) {
  FileCopy& file = files_[step.file];
  file.open(call);
  if (!hashes_[step.file].empty()) copy(step, buffer, call);
  if (stopped_) return;  // this or another chunk was left in its middle
  if (--left_[step.file] > 0) return;
  file.finish(tree_.files[step.file].mtime_ns,
              flush_each_ ? FileCopy::Flush::yes : FileCopy::Flush::no);
}

void CopyJob::copy(const Step& step, std::span<std::byte> buffer, os::PendingCall& call) {
  const std::uint64_t begin = step.chunk * k_chunk_bytes;
  const std::uint64_t bytes = std::min(k_chunk_bytes, tree_.files[step.file].bytes - begin);
  FileCopy& file = files_[step.file];
  Hash& hash = hashes_[step.file][step.chunk];
  const auto claim = claimed_.find({step.file, step.chunk});
  if (claim != claimed_.end() && file.holds(step.chunk, claim->second, buffer, call)) {
    hash = claim->second;
    resumed_ += bytes;
    return;
  }
  const bool in_memory = file.source_in_memory(step.chunk);  // tells nothing of the storage
  const ReadWay way = file.direct_source() && !in_memory ? choice_.next() : ReadWay::buffered;
  const os::TimePoint begin_time = os::Clock::now();
  const auto copied = file.copy(step.chunk, way, buffer, call,
                                [this](std::size_t block_bytes) { return pace(block_bytes); });
  if (!copied) return;
  if (bytes == k_chunk_bytes && !in_memory) choice_.ran(way, os::Clock::now() - begin_time);
  hash = *copied;
  copied_ += bytes;
  if (way == ReadWay::direct) direct_ += bytes;
  const std::lock_guard lock(journal_mutex_);
  journal_->add({step.file, step.chunk, hash});
}

// Holds the thread back to the limit. False once stopped: the rest of the chunk is of no use.
bool CopyJob::pace(std::size_t bytes) {
  if (!limit_) return !stopped_;
  os::TimePoint through;
  {
    const std::lock_guard lock(limit_mutex_);
    through = limit_->reserve(static_cast<double>(bytes), os::Clock::now());
  }
  constexpr std::chrono::milliseconds k_step{50};
  while (!stopped_ && os::Clock::now() < through) {
    std::this_thread::sleep_until(std::min(through, os::Clock::now() + k_step));
  }
  return !stopped_;
}

void make_directories(const SourceTree& tree, const std::string& data) {
  for (const std::string& name : tree.directories) {
    throw_if_interrupted();
    std::error_code problem;
    std::filesystem::create_directories(data + "/" + name, problem);
    if (problem) throw os::SystemError("create", data + "/" + name, problem.value());
  }
}

}  // namespace

CopyOutcome copy_tree(const SourceTree& tree, const std::string& data,
                      const std::shared_ptr<Journal>& journal, const TreeCopyOptions& options,
                      Manifest* manifest) {
  std::error_code problem;
  std::filesystem::create_directories(data, problem);
  if (problem) throw os::SystemError("create", data, problem.value());
  make_directories(tree, data);
  // Opened before anything is written, so that it hears of every failure.
  const os::Fd directory = os::open_file(data, O_RDONLY | O_DIRECTORY);
  const auto flush = tree.files.size() > k_most_own_flushes && can_flush_at_once(directory)
                         ? CopyJob::Flush::at_once
                         : CopyJob::Flush::each;
  const auto job = std::make_shared<CopyJob>(tree, data, journal, options, flush);
  const std::uint64_t total = tree.bytes();
  run_bounded(
      options.jobs,
      [&](const Calls& calls) {
        constexpr std::chrono::seconds k_long{10};
        CopyProgress now{job->copied_bytes() + job->resumed_bytes(), total, job->resumed_bytes(),
                         ""};
        const os::PendingCall* stuck = os::oldest(calls);
        if (stuck != nullptr && stuck->waited() > k_long) now.stalled = stuck->text();
        if (options.progress) options.progress(now);
        if (os::interrupted()) job->stop();
        return job->stopped();
      },
      [job](unsigned, os::PendingCall& call) { job->work(call); });
  throw_if_interrupted();
  CopyOutcome outcome{job->copied_bytes(), job->resumed_bytes(), to_string(job->read_way())};
  for (std::size_t i = 0; i < manifest->files.size(); ++i) {
    manifest->files[i].chunks = job->hashes()[i];
  }
  if (flush == CopyJob::Flush::at_once) {
    if (::syncfs(directory.get()) == 0) return outcome;
    throw os::Error(
        fmt::format("cannot flush the file system of {}: {}", data, os::error_text(errno)));
  }
  for (const std::string& name : tree.directories) {
    throw_if_interrupted();
    flush_directory(data + "/" + name);
  }
  flush_directory(data);
  return outcome;
}

}  // namespace coldload::stage
