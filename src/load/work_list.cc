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
                   unsigned most_in_flight, Fallbacks& fallbacks, std::size_t admitted)
    : most_in_flight_(most_in_flight),
      limit_(k_first_in_flight, most_in_flight),
      progress_(shards.size()),
      admitted_(std::min(admitted, shards.size())) {
  shards_.reserve(shards.size());
  for (const Shard& shard : shards) {
    shards_.push_back(std::make_unique<ShardFile>(shard, shards_.size(), access, fallbacks));
    bytes_ += shard.wanted_bytes();
    if (shard.wanted_bytes() > 0) ++unfinished_shards_;
  }
  skip_shards();
}

void WorkList::admit(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (count <= admitted_) return;
  admitted_ = count;
  changed_.notify_all();
}

void WorkList::skip_shards() {
  while (next_shard_ < shards_.size() &&
         progress_[next_shard_].looked_bytes == shards_[next_shard_]->wanted_bytes()) {
    ++next_shard_;
  }
}

WorkList::Pieces::iterator WorkList::next_piece(Kind kind) {
  Pieces& pieces = queue(kind).pieces;
  if (kind == Kind::resident) return pieces.begin();
  if (!streams_) return absent_in_flight_ < limit_.limit() ? pieces.begin() : pieces.end();
  if (absent_in_flight_ >= most_in_flight_) return pieces.end();
  auto at = pieces.begin();
  while (at != pieces.end() && progress_[at->first.first].in_flight >= streams_->streams()) {
    at = pieces.lower_bound({at->first.first + 1, 0});
  }
  return at;
}

// One whose next window may be looked at now: the first; where files are streamed, one of which
// more might be read than is known.
std::optional<std::uint64_t> WorkList::shard_to_look_at() {
  if (stopped_) return std::nullopt;
  if (absent_.bytes + resident_.bytes + looks_.size() * k_window_bytes >= k_lookahead_bytes) {
    return std::nullopt;
  }
  for (std::uint64_t shard = next_shard_; shard < admitted_; ++shard) {
    const Progress& progress = progress_[shard];
    if (progress.looked_bytes == shards_[shard]->wanted_bytes()) continue;
    if (progress.looked_bytes == 0 && open_shards_ >= k_most_open_shards) return std::nullopt;
    if (!streams_) return shard;
    const auto known = absent_.pieces.lower_bound({shard, 0});
    const bool is_known = known != absent_.pieces.end() && known->first.first == shard;
    if (!is_known && progress.looks == 0 && progress.in_flight < streams_->streams()) return shard;
  }
  return std::nullopt;
}

WorkList::Window WorkList::next_window(std::uint64_t shard) {
  Progress& progress = progress_[shard];
  // Small ones first: nothing is read before somebody has looked.
  const std::uint64_t size = small_windows_ > 0 ? k_small_window_bytes : k_window_bytes;
  if (small_windows_ > 0) --small_windows_;
  const std::uint64_t left = shards_[shard]->wanted_bytes() - progress.looked_bytes;
  const Window window{shard, shards_[shard]->begin() + progress.looked_bytes, std::min(left, size)};
  if (progress.looked_bytes == 0) ++open_shards_;
  progress.looked_bytes += window.bytes;
  ++progress.looks;
  skip_shards();
  return window;
}

Piece WorkList::cut(Queue& queue, Pieces::iterator at, std::size_t most_bytes) const {
  Piece rest = at->second;
  Piece piece = rest;
  // While numbers of streams are tried, a bad one should soon be known.
  if (!piece.resident && streams_ && streams_->trying()) most_bytes = k_block_bytes;
  piece.bytes = std::min<std::uint64_t>(rest.bytes, most_bytes);
  rest.offset += piece.bytes;
  rest.bytes -= piece.bytes;
  queue.bytes -= piece.bytes;
  queue.pieces.erase(at);
  if (rest.bytes > 0) queue.pieces.emplace(std::pair(rest.shard, rest.offset), rest);
  return piece;
}

void WorkList::add(const std::vector<Piece>& found) {
  for (const Piece& piece : found) {
    Queue& target = queue(piece.resident ? Kind::resident : Kind::absent);
    target.pieces.emplace(std::pair(piece.shard, piece.offset), piece);
    target.bytes += piece.bytes;
  }
}

std::optional<Piece> WorkList::take(Kind kind, std::size_t most_bytes) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (const auto at = next_piece(kind); at != queue(kind).pieces.end()) {
      const Piece piece = cut(queue(kind), at, most_bytes);
      if (kind == Kind::absent) {
        ++absent_in_flight_;
        ++progress_[piece.shard].in_flight;
      }
      return piece;
    }
    const bool is_enough = !streams_ && !queue(kind).pieces.empty();
    const auto next = shard_to_look_at();
    if (is_enough || !next) return std::nullopt;
    const Window window = next_window(*next);
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
    --progress_[window.shard].looks;
    if (!streams_ && shard.lies_on_fuse()) {
      streams_.emplace(most_in_flight_, os::Clock::now(), 1, bytes_);
    }
    add(found);
    changed_.notify_all();
  }
  return std::nullopt;
}

bool WorkList::wait_for_more() {
  std::unique_lock lock(mutex_);
  const auto something = [this] {
    return stopped_ || has(Kind::absent) || has(Kind::resident) || shard_to_look_at();
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
    --progress_[piece.shard].in_flight;
    if (streams_) {
      const bool more_is_there = !absent_.pieces.empty() || next_shard_ < shards_.size();
      const bool wanted = more_is_there && absent_in_flight_ + 1 < most_in_flight_;
      streams_->arrived(piece.bytes, wanted, os::Clock::now());
    } else {
      limit_.arrived(os::Clock::now(), piece.bytes, !absent_.pieces.empty());
    }
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
  if (!streams_) return limit_.limit();
  const std::uint64_t all = streams_->streams() * shards_.size();
  return static_cast<unsigned>(std::min<std::uint64_t>(most_in_flight_, all));
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
