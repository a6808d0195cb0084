#include "load/rooms.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace coldload::load {

// Lives as long as the last of its rooms.
class Rooms::Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(std::uint64_t window_bytes, Memory memory)
      : window_bytes_(window_bytes), memory_(std::move(memory)) {}

  // Null where the window has no place for it, unless nobody holds any room or `beyond` says so.
  [[nodiscard]] std::shared_ptr<const Room> take(std::uint64_t bytes, bool beyond);
  // Rooms that come back from now on are given back to the system.
  void close();
  void look_again() const;
  [[nodiscard]] std::uint64_t most_held_bytes() const;

 private:
  [[nodiscard]] std::unique_ptr<Room> reuse(std::uint64_t bytes);
  [[nodiscard]] std::shared_ptr<const Room> hand_out(std::unique_ptr<Room> room);
  void come_back(Room* room) noexcept;

  const std::uint64_t window_bytes_;
  mutable std::mutex mutex_;
  Memory memory_;  // empty when closed
  std::vector<std::unique_ptr<Room>> idle_;
  std::uint64_t idle_bytes_ = 0;
  std::uint64_t held_bytes_ = 0;  // by somebody
  std::uint64_t most_held_bytes_ = 0;
  bool is_closed_ = false;
};

std::unique_ptr<Room> Rooms::Pool::reuse(std::uint64_t bytes) {
  // Not one of a tensor that was much larger.
  const auto fits = [bytes](const auto& room) {
    return room->bytes() >= bytes && room->bytes() / 2 <= bytes;
  };
  const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<Room> room = std::move(*found);
  idle_.erase(found);
  idle_bytes_ -= room->bytes();
  return room;
}

std::shared_ptr<const Room> Rooms::Pool::take(std::uint64_t bytes, bool beyond) {
  std::vector<std::unique_ptr<Room>> dropped;  // outside the lock: a GPU may take its time
  std::unique_lock lock(mutex_);
  if (std::unique_ptr<Room> room = reuse(bytes)) {
    lock.unlock();
    memory_.settle();
    return hand_out(std::move(room));
  }
  if (held_bytes_ > 0 && !beyond && held_bytes_ + bytes > window_bytes_) return nullptr;
  while (!idle_.empty() && held_bytes_ + idle_bytes_ + bytes > window_bytes_) {
    idle_bytes_ -= idle_.back()->bytes();
    dropped.push_back(std::move(idle_.back()));
    idle_.pop_back();
  }
  lock.unlock();
  dropped.clear();
  return hand_out(memory_.make(bytes));
}

std::shared_ptr<const Room> Rooms::Pool::hand_out(std::unique_ptr<Room> room) {
  {
    const std::lock_guard lock(mutex_);
    held_bytes_ += room->bytes();
    most_held_bytes_ = std::max(most_held_bytes_, held_bytes_);
  }
  return std::shared_ptr<Room>(room.release(),
                               [pool = shared_from_this()](Room* back) { pool->come_back(back); });
}

void Rooms::Pool::come_back(Room* room) noexcept {
  std::unique_ptr<Room> owned(room);
  {
    const std::lock_guard lock(mutex_);
    held_bytes_ -= owned->bytes();
    const bool is_within = held_bytes_ + idle_bytes_ + owned->bytes() <= window_bytes_;
    if (!is_closed_ && is_within) {
      idle_bytes_ += owned->bytes();
      idle_.push_back(std::move(owned));
    }
  }
  look_again();
}

// Not under the lock: whoever is told has locks of its own.
void Rooms::Pool::look_again() const {
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    tell = memory_.look_again;
  }
  if (tell) tell();
}

void Rooms::Pool::close() {
  std::vector<std::unique_ptr<Room>> dropped;
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  memory_ = {};
  dropped.swap(idle_);
  idle_bytes_ = 0;
}

std::uint64_t Rooms::Pool::most_held_bytes() const {
  const std::lock_guard lock(mutex_);
  return most_held_bytes_;
}

Rooms::Rooms(const std::vector<Shard>& shards, Consumer& consumer, std::uint64_t window_bytes,
             Arena& arena, Memory memory)
    : consumer_(&consumer),
      arena_(arena),
      has_window_(window_bytes > 0),
      pool_(std::make_shared<Pool>(window_bytes, std::move(memory))),
      missing_bytes_(shards.size()) {
  constexpr std::uint64_t k_fewest_rooms = 4;
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    missing_bytes_[shard] = shards[shard].wanted_bytes();
    const std::uint64_t bytes = arena.bytes_of(shard);
    if (bytes <= window_bytes / k_fewest_rooms) common_bytes_ = std::max(common_bytes_, bytes);
  }
}

Rooms::~Rooms() { pool_->close(); }

void Rooms::begin(std::uint64_t shard, std::shared_ptr<const Room> room) {
  ++given_;
  if (missing_bytes_[shard] > 0) ++under_way_;
  consumer_->begins(shard, std::move(room), arena_.address(shard, arena_.file_begin(shard)));
}

std::size_t Rooms::give() {
  if (!has_window_ && given_ == 0 && !missing_bytes_.empty()) {
    arena_.give_all(pool_->take(arena_.bytes(), true));
    for (std::size_t shard = 0; shard < missing_bytes_.size(); ++shard) {
      begin(shard, arena_.room(shard));
    }
  }
  while (given_ < missing_bytes_.size()) {
    const bool beyond = consumer_->is_starved() && under_way_ == 0;
    const std::size_t shard = given_;
    std::shared_ptr<const Room> room =
        pool_->take(std::max(arena_.bytes_of(shard), common_bytes_), beyond);
    if (!room) break;
    arena_.give(shard, room);
    begin(shard, std::move(room));
  }
  return given_;
}

void Rooms::landed(std::uint64_t shard, std::uint64_t offset, std::uint64_t bytes) {
  {
    const std::shared_lock lock(consumer_mutex_);
    if (consumer_ == nullptr) return;
    consumer_->landed(shard, offset, bytes);
  }
  if (missing_bytes_[shard].fetch_sub(bytes) != bytes) return;
  if (has_window_) arena_.give(shard, nullptr);
  if (--under_way_ == 0) pool_->look_again();
}

void Rooms::leave() {
  const std::unique_lock lock(consumer_mutex_);
  consumer_ = nullptr;
}

std::uint64_t Rooms::most_held_bytes() const { return pool_->most_held_bytes(); }

}  // namespace coldload::load
