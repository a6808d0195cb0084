#include "load/work_list.h"

#include <algorithm>
#include <iterator>

#include "load/layout.h"

namespace coldload::load {

namespace {

constexpr std::uint64_t k_window_bytes = 64 * k_block_bytes;
constexpr std::uint64_t k_small_window_bytes = 4 * k_block_bytes;
// How far one may look ahead for the other kind of pieces: enough to keep storage busy across a
// run that is resident, and little beside what the page cache may lose in that time.
constexpr std::uint64_t k_lookahead_bytes = 16 * k_window_bytes;
// Two descriptors each at most: far below the usual limit of 1,024.
constexpr std::size_t k_most_open_shards = 128;
// Enough for a disk; a network mount is given more as soon as that pays.
constexpr unsigned k_first_in_flight = 8;

}  // namespace

WorkList::WorkList(const std::vector<Shard>& shards, const ShardFile::Access& access,
                   unsigned most_in_flight, Fallbacks& fallbacks)
    : limit_(k_first_in_flight, most_in_flight) {
  shards_.reserve(shards.size());
  for (const Shard& shard : shards) {
    shards_.push_back(std::make_unique<ShardFile>(shard, shards_.size(), access, fallbacks));
    if (shard.bytes > 0) ++unfinished_shards_;
  }
  skip_empty_shards();
}

void WorkList::skip_empty_shards() {
  while (next_shard_ < shards_.size() && shards_[next_shard_]->bytes() == 0) ++next_shard_;
}

bool WorkList::has(Kind kind) const {
  if (kind == Kind::resident) return !resident_.pieces.empty();
  return !absent_.pieces.empty() && absent_in_flight_ < limit_.limit();
}

bool WorkList::may_look() const {
  if (stopped_ || next_shard_ == shards_.size()) return false;
  if (next_offset_ == 0 && open_shards_ >= k_most_open_shards) return false;
  return absent_.bytes + resident_.bytes + looks_.size() * k_window_bytes < k_lookahead_bytes;
}

WorkList::Window WorkList::next_window() {
  const std::uint64_t shard_bytes = shards_[next_shard_]->bytes();
  // Small ones first: nothing is read before somebody has looked.
  const std::uint64_t size = small_windows_ > 0 ? k_small_window_bytes : k_window_bytes;
  if (small_windows_ > 0) --small_windows_;
  Window window{next_shard_, next_offset_, std::min(shard_bytes - next_offset_, size)};
  if (next_offset_ == 0) ++open_shards_;
  next_offset_ += window.bytes;
  if (next_offset_ == shard_bytes) {
    next_offset_ = 0;
    ++next_shard_;
    skip_empty_shards();
  }
  return window;
}

Piece WorkList::cut(Queue& queue, std::size_t most_bytes) {
  Piece& front = queue.pieces.front();
  Piece piece = front;
  piece.bytes = std::min<std::uint64_t>(front.bytes, most_bytes);
  front.offset += piece.bytes;
  front.bytes -= piece.bytes;
  queue.bytes -= piece.bytes;
  if (front.bytes == 0) queue.pieces.pop_front();
  return piece;
}

std::optional<Piece> WorkList::take(Kind kind, std::size_t most_bytes) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (has(kind)) {
      if (kind == Kind::absent) ++absent_in_flight_;
      return cut(queue(kind), most_bytes);
    }
    if (!queue(kind).pieces.empty() || !may_look()) return std::nullopt;
    const Window window = next_window();
    ShardFile& shard = *shards_[window.shard];
    looks_.emplace_back().begin_open(shard.path());
    const auto look = std::prev(looks_.end());
    lock.unlock();
    std::vector<Piece> found;
    try {
      shard.open();
      found = shard.pieces(window.offset, window.bytes);
    } catch (...) {
      stop();
      lock.lock();
      looks_.erase(look);
      throw;
    }
    lock.lock();
    looks_.erase(look);
    for (const Piece& piece : found) {
      Queue& target = queue(piece.resident ? Kind::resident : Kind::absent);
      target.pieces.push_back(piece);
      target.bytes += piece.bytes;
    }
    changed_.notify_all();
  }
  return std::nullopt;
}

bool WorkList::wait_for_more() {
  std::unique_lock lock(mutex_);
  const auto something = [this] {
    return stopped_ || has(Kind::absent) || has(Kind::resident) || may_look();
  };
  const auto nothing_left = [this] {
    return next_shard_ == shards_.size() && looks_.empty() && absent_.pieces.empty() &&
           resident_.pieces.empty();
  };
  changed_.wait(lock, [&] { return something() || nothing_left(); });
  return !stopped_ && something();
}

void WorkList::arrived(const Piece& piece) {
  if (!piece.resident) {
    const std::lock_guard lock(mutex_);
    --absent_in_flight_;
    limit_.arrived(os::Clock::now(), piece.bytes, !absent_.pieces.empty());
    changed_.notify_all();
  }
  if (!shards_[piece.shard]->arrived(piece)) return;
  const std::lock_guard lock(mutex_);
  --open_shards_;
  --unfinished_shards_;
  changed_.notify_all();
}

bool WorkList::complete() const {
  const std::lock_guard lock(mutex_);
  return unfinished_shards_ == 0;
}

unsigned WorkList::in_flight_limit() const {
  const std::lock_guard lock(mutex_);
  return limit_.limit();
}

bool WorkList::sleep_until(os::TimePoint due) {
  std::unique_lock lock(mutex_);
  while (!stopped_ && os::Clock::now() < due) changed_.wait_until(lock, due);
  return !stopped_;
}

std::string WorkList::stall(os::Clock::duration patience) const {
  const std::lock_guard lock(mutex_);
  return os::stall_text(os::oldest(looks_), patience);
}

void WorkList::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace coldload::load
