#include "streams/chunk_queue.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace coldload::streams {

ChunkQueue::ChunkQueue(const std::vector<std::size_t>& chunks, const Wish& wish)
    : first_file_first_(wish.first_file_first),
      choice_(wish.jobs, os::Clock::now(), wish.may_want_one_stream ? 1 : wish.jobs, wish.bytes) {
  for (const std::size_t count : chunks) files_.push_back({count, 0, {}, {}});
}

std::size_t ChunkQueue::File::take() {
  if (returned.empty()) return next++;
  const std::size_t chunk = *returned.begin();
  returned.erase(returned.begin());
  return chunk;
}

std::optional<ChunkQueue::Step> ChunkQueue::take_one() {
  // Each has up to four descriptors.
  constexpr std::size_t k_most_files = 64;
  std::size_t reading = 0;
  more_is_there_ = false;
  while (first_ < files_.size() && !files_[first_].has_more()) ++first_;
  for (std::size_t i = first_; i < files_.size() && reading < k_most_files; ++i) {
    File& file = files_[i];
    if (!file.has_more()) continue;
    more_is_there_ = true;
    ++reading;
    if (file.streaming.size() >= choice_.streams()) continue;
    const std::size_t chunk = file.take();
    file.streaming.insert(chunk);
    return Step{i, chunk};
  }
  return std::nullopt;
}

std::optional<ChunkQueue::Step> ChunkQueue::next() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (const auto step = take_one()) {
      ++under_way_;
      return step;
    }
    if (under_way_ == 0) break;
    ++waiting_;
    changed_.wait(lock);
    --waiting_;
  }
  changed_.notify_all();
  return std::nullopt;
}

void ChunkQueue::done(const Step& step) {
  const std::lock_guard lock(mutex_);
  files_[step.file].streaming.erase(step.chunk);
  --under_way_;
  changed_.notify_all();
}

void ChunkQueue::give_back(const Step& step) {
  const std::lock_guard lock(mutex_);
  files_[step.file].streaming.erase(step.chunk);
  files_[step.file].returned.insert(step.chunk);
  first_ = std::min(first_, step.file);
  --under_way_;
  changed_.notify_all();
}

void ChunkQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void ChunkQueue::uncount(const Step& step) {
  const std::lock_guard lock(mutex_);
  files_[step.file].streaming.erase(step.chunk);
  changed_.notify_all();
}

bool ChunkQueue::wants_more() const {
  if (waiting_ > 0 && more_is_there_) return true;
  if (!first_file_first_ || first_ == files_.size()) return false;
  const File& first = files_[first_];
  return first.has_more() && under_way_ > first.streaming.size();
}

void ChunkQueue::arrived(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const unsigned before = choice_.streams();
  choice_.arrived(bytes, wants_more(), os::Clock::now());
  if (choice_.streams() > before) changed_.notify_all();
}

bool ChunkQueue::is_one_too_many(const Step& step) {
  const std::lock_guard lock(mutex_);
  const std::set<std::size_t>& streaming = files_[step.file].streaming;
  const auto own = streaming.find(step.chunk);
  if (own == streaming.end() || streaming.size() <= choice_.streams()) return false;
  return std::distance(streaming.begin(), own) >= static_cast<std::ptrdiff_t>(choice_.streams());
}

bool ChunkQueue::trying() {
  const std::lock_guard lock(mutex_);
  return choice_.trying();
}

unsigned ChunkQueue::streams() {
  const std::lock_guard lock(mutex_);
  return choice_.streams();
}

}  // namespace coldload::streams
