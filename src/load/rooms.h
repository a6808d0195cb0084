// The memory of a load that somebody follows: gives each shard its room, says what has landed
// there, and lets go of a room when all of its shard has. With a window, rooms are few: they come
// back when nobody holds on to them any more.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "load/arena.h"
#include "load/loader.h"

namespace coldload::load {

class Rooms {
 public:
  struct Memory {
    // A room of at least so many bytes. Throws os::Error where there is no memory for it.
    std::function<std::unique_ptr<Room>(std::uint64_t bytes)> make;
    // Waits until nobody's work on the memory of a room that came back is under way.
    std::function<void()> settle;
    // give() may have more to give now. In any thread, also when this is gone.
    std::function<void()> look_again;
  };
  // `arena`, whose places get the rooms, outlives this, and `consumer` does unless leave() is
  // called; the rooms need not.
  Rooms(const std::vector<Shard>& shards, Consumer& consumer, std::uint64_t window_bytes,
        Arena& arena, Memory memory);
  ~Rooms();
  Rooms(const Rooms&) = delete;
  Rooms& operator=(const Rooms&) = delete;

  // Gives rooms to the next shards, as many as the window takes; one more if the consumer can only
  // get on with that. How many shards have or had one. For one thread. Throws what `make` throws.
  std::size_t give();

  // These bytes of a shard are in its room; `offset` counts in the file. For many threads.
  void landed(std::uint64_t shard, std::uint64_t offset, std::uint64_t bytes);

  // Nobody follows any more: what still lands, of a read that hung, is told to nobody.
  void leave();

  // Of all rooms at once, so far.
  [[nodiscard]] std::uint64_t most_held_bytes() const;

 private:
  class Pool;

  void begin(std::uint64_t shard, std::shared_ptr<const Room> room);

  std::shared_mutex consumer_mutex_;  // shared while it is told something
  Consumer* consumer_;                // null: it has left
  Arena& arena_;
  const bool has_window_;
  const std::shared_ptr<Pool> pool_;
  std::uint64_t common_bytes_ = 0;  // a room's at least, so that one serves another shard, too
  std::size_t given_ = 0;
  std::vector<std::atomic<std::uint64_t>> missing_bytes_;  // by shard
  std::atomic<std::size_t> under_way_{0};  // shards that have a room, and of which some is missing
};

}  // namespace coldload::load
