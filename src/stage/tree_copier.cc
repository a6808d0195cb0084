#include "stage/tree_copier.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "os/memory.h"
#include "os/token_bucket.h"
#include "stage/bounded_threads.h"
#include "stage/file_copy.h"
#include "stage/read_way_choice.h"
#include "streams/chunk_queue.h"

namespace coldload::stage {

namespace {

// Many small files are made durable by one flush of their file system; few large ones, each by its
// own, so that nobody else's data are waited for.
constexpr std::size_t k_most_own_flushes = 64;

// While numbers of streams are tried.
constexpr std::size_t k_trial_block_bytes = std::size_t{1} << 20;

// Whether syncfs(2) reaches the disk and tells what failed: not on FUSE, and from Linux 5.8 on.
bool can_flush_at_once(const os::Fd& directory) {
  if (os::lies_on_fuse(directory)) return false;
  struct utsname kernel {};
  if (::uname(&kernel) != 0) return false;
  unsigned major = 0;
  unsigned minor = 0;
  char dot = 0;
  std::istringstream(kernel.release) >> major >> dot >> minor;
  return major > 5 || (major == 5 && minor >= 8);
}

// Owned by the threads too: one that hangs in the kernel keeps it.
class CopyJob {
 public:
  CopyJob(const SourceTree& tree, std::shared_ptr<const os::Directory> data,
          std::shared_ptr<Journal> journal, const TreeCopyOptions& options,
          const BlockBudget& budget, FileCopy::Flush flush)
      : root_(tree.opened),
        data_(std::move(data)),
        journal_(std::move(journal)),
        flush_(flush),
        queue_(steps_of(tree), wish(tree, budget.threads)),
        block_bytes_(budget.block_bytes),
        choice_(budget.threads) {
    constexpr std::chrono::milliseconds k_burst{50};
    if (options.limit_bytes_per_s) limit_.emplace(*options.limit_bytes_per_s, k_burst);
    for (const SourceFile& file : tree.files) files_.emplace_back(file, *root_, *data_);
    for (const JournalEntry& entry : journal_->found()) {
      claimed_[{entry.file, entry.chunk}] = entry.hash;
    }
  }

  void work(os::PendingCall& call) {
    const os::Mapping buffer = os::Mapping::anonymous(block_bytes_);
    try {
      while (const auto step = queue_.next()) take(*step, buffer.bytes(), call);
    } catch (...) {
      stop();  // the others
      throw;
    }
  }
  void stop() {
    stopped_ = true;
    queue_.stop();
  }
  [[nodiscard]] bool stopped() const { return stopped_; }

  // Of chunks under way, too.
  [[nodiscard]] std::uint64_t arrived_bytes() const { return arrived_; }
  [[nodiscard]] std::uint64_t copied_bytes() const { return copied_; }
  [[nodiscard]] std::uint64_t resumed_bytes() const { return resumed_; }
  // Of most of what was copied.
  [[nodiscard]] ReadWay read_way() const {
    return 2 * direct_ >= copied_ ? ReadWay::direct : ReadWay::buffered;
  }
  [[nodiscard]] unsigned streams() { return queue_.streams(); }
  [[nodiscard]] const std::vector<Hash>& hashes(std::size_t file) const {
    return files_[file].hashes;
  }

 private:
  struct File {
    File(SourceFile from, const SourceRoot& root, const os::Directory& data)
        : source(std::move(from)), copy(root, source, data), hashes(chunks_of(source.bytes)) {}

    const SourceFile source;
    FileCopy copy;
    std::vector<Hash> hashes;  // each written by the one thread that has the chunk
    std::atomic<std::size_t> left{steps_of(source)};  // steps that are not done
  };
  using Step = streams::ChunkQueue::Step;

  // An empty file has one step too: it is made.
  static std::size_t steps_of(const SourceFile& file) {
    return std::max<std::size_t>(1, chunks_of(file.bytes));
  }
  static std::vector<std::size_t> steps_of(const SourceTree& tree) {
    std::vector<std::size_t> steps;
    for (const SourceFile& file : tree.files) steps.push_back(steps_of(file));
    return steps;
  }

  // A trial costs something where a daemon answers.
  static streams::ChunkQueue::Wish wish(const SourceTree& tree, unsigned jobs) {
    streams::ChunkQueue::Wish wish{jobs};
    if (tree.on_fuse) wish.bytes = tree.bytes();
    return wish;
  }

  void take(const Step& step, std::span<std::byte> buffer, os::PendingCall& call) {
    File& file = files_[step.file];
    file.copy.open(call);
    const bool copied = file.hashes.empty() || copy(step, buffer, call);
    if (stopped_) return;  // this or another chunk was left in its middle
    if (!copied) return queue_.give_back(step);
    if (--file.left == 0) file.copy.finish(flush_);
    queue_.done(step);
  }

  // False where the chunk was left in its middle.
  bool copy(const Step& step, std::span<std::byte> buffer, os::PendingCall& call) {
    File& file = files_[step.file];
    const std::uint64_t bytes =
        std::min(k_chunk_bytes, file.source.bytes - step.chunk * k_chunk_bytes);
    const auto claim = claimed_.find({step.file, step.chunk});
    if (claim != claimed_.end() && file.copy.holds(step.chunk, claim->second, buffer, call)) {
      file.hashes[step.chunk] = claim->second;
      resumed_ += bytes;
      arrived_ += bytes;
      return true;
    }
    const ChunkReader& source = file.copy.source();
    const bool in_memory = source.in_memory(step.chunk);  // tells nothing of the storage
    if (in_memory) queue_.uncount(step);
    // One thing is tried at a time: the number of streams first.
    const bool trying_streams = queue_.trying();
    ReadWay way = ReadWay::buffered;
    if (source.direct() && !in_memory) way = trying_streams ? ReadWay::direct : choice_.next();
    std::uint64_t arrived = 0;
    const os::TimePoint begin = os::Clock::now();
    const auto hash = file.copy.copy(
        step.chunk, way,
        trying_streams ? buffer.first(std::min(buffer.size(), k_trial_block_bytes)) : buffer, call,
        [&](std::size_t block_bytes) {
          if (!in_memory) queue_.arrived(block_bytes);
          if (!pace(block_bytes)) return false;
          arrived += block_bytes;
          arrived_ += block_bytes;
          return !queue_.is_one_too_many(step);
        });
    if (!hash) {
      arrived_ -= arrived;
      return false;
    }
    if (bytes == k_chunk_bytes && !in_memory && !trying_streams) {
      choice_.ran(way, os::Clock::now() - begin);
    }
    file.hashes[step.chunk] = *hash;
    copied_ += bytes;
    if (way == ReadWay::direct) direct_ += bytes;
    const std::lock_guard lock(journal_mutex_);
    journal_->add({step.file, step.chunk, *hash});
    return true;
  }

  // Holds the thread back to the limit. False once stopped: the rest of the chunk is of no use.
  bool pace(std::size_t bytes) {
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

  const std::shared_ptr<const SourceRoot> root_;
  const std::shared_ptr<const os::Directory> data_;
  const std::shared_ptr<Journal> journal_;
  const FileCopy::Flush flush_;
  std::deque<File> files_;
  std::map<std::pair<std::size_t, std::size_t>, Hash> claimed_;  // what the journal says
  streams::ChunkQueue queue_;
  const std::size_t block_bytes_;
  ReadWayChoice choice_;
  std::mutex limit_mutex_;
  std::optional<os::TokenBucket> limit_;
  std::mutex journal_mutex_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> arrived_{0};
  std::atomic<std::uint64_t> copied_{0};
  std::atomic<std::uint64_t> direct_{0};  // of them, with O_DIRECT
  std::atomic<std::uint64_t> resumed_{0};
};

}  // namespace

CopyOutcome copy_tree(const SourceTree& tree, const std::shared_ptr<const os::Directory>& data,
                      const std::shared_ptr<Journal>& journal, const TreeCopyOptions& options,
                      Manifest* manifest) {
  for (const std::string& name : tree.directories) {
    throw_if_interrupted();
    static_cast<void>(data->make_subdirectory(name, 0777));
  }
  // Was opened before anything was written, so that it hears of every failure.
  const os::Fd& directory = data->descriptor();
  const auto flush = tree.files.size() > k_most_own_flushes && can_flush_at_once(directory)
                         ? FileCopy::Flush::no
                         : FileCopy::Flush::yes;
  const BlockBudget budget = block_budget(options.jobs, os::available_memory_bytes());
  const auto job = std::make_shared<CopyJob>(tree, data, journal, options, budget, flush);
  const std::uint64_t total = tree.bytes();
  run_bounded(
      budget.threads,
      [&](const Calls& calls) {
        constexpr std::chrono::seconds k_long{10};
        const std::uint64_t resumed = job->resumed_bytes();
        CopyProgress now{job->arrived_bytes(), total, resumed, job->copied_bytes() + resumed, ""};
        const os::PendingCall* stuck = os::oldest(calls);
        if (stuck != nullptr && stuck->waited() > k_long) now.stalled = stuck->text();
        if (options.progress) options.progress(now);
        if (os::interrupted()) job->stop();
        return job->stopped();
      },
      [job](unsigned, os::PendingCall& call) { job->work(call); });
  throw_if_interrupted();
  CopyOutcome outcome{job->copied_bytes(), job->resumed_bytes(), to_string(job->read_way()),
                      job->streams()};
  for (std::size_t i = 0; i < manifest->files.size(); ++i) {
    manifest->files[i].chunks = job->hashes(i);
  }
  if (flush == FileCopy::Flush::no) {
    if (::syncfs(directory.get()) == 0) return outcome;
    throw os::Error(
        fmt::format("cannot flush the file system of {}: {}", data->path(), os::error_text(errno)));
  }
  for (const std::string& name : tree.directories) {
    throw_if_interrupted();
    data->subdirectory(name).flush();
  }
  data->flush();
  return outcome;
}

}  // namespace coldload::stage
