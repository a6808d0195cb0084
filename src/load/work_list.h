// What is left to read, looked up as the load goes on and handed out piece by piece.
//
// The shards are cut into windows; whoever runs out of pieces of one kind opens and looks at the
// next window, outside the lock. So threads balance by bytes over all shards, looking overlaps
// with reading, and few shards are open at a time.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "load/in_flight.h"
#include "load/shard_file.h"
#include "os/clock.h"
#include "os/pending_call.h"

namespace coldload::load {

// Thread-safe.
class WorkList {
 public:
  // At most `most_in_flight` absent pieces are handed out and have not arrived; how many of them
  // really are is measured.
  WorkList(const std::vector<Shard>& shards, const ShardFile::Access& access,
           unsigned most_in_flight, Fallbacks& fallbacks);

  enum class Kind { absent, resident };
  // The next piece of that kind, at most `most_bytes` (a multiple of k_block_bytes). Nothing where
  // there is none now, or enough are in flight; there may be one later. Throws what opening and
  // looking throws.
  [[nodiscard]] std::optional<Piece> take(Kind kind, std::size_t most_bytes);

  // Waits until take() may find something. False: all has been taken, or stop() was called.
  [[nodiscard]] bool wait_for_more();

  // `piece` has arrived. Throws where its shard turns out to have changed.
  void arrived(const Piece& piece);
  // All bytes of all shards have arrived.
  [[nodiscard]] bool complete() const;
  // Absent pieces that are kept in flight, as measured so far.
  [[nodiscard]] unsigned in_flight_limit() const;

  void stop();
  // Sleeps until `due`; false where stop() was called before.
  [[nodiscard]] bool sleep_until(os::TimePoint due);

  // Why a look at a window has not returned for `patience`: a mount may hang in open(2) too. Empty
  // where none has.
  [[nodiscard]] std::string stall(os::Clock::duration patience) const;

  [[nodiscard]] ShardFile& shard(std::uint64_t index) const { return *shards_[index]; }

 private:
  struct Window {
    std::uint64_t shard = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  // One kind's pieces, in the files' order.
  struct Queue {
    std::deque<Piece> pieces;
    std::uint64_t bytes = 0;
  };

  [[nodiscard]] Queue& queue(Kind kind) { return kind == Kind::absent ? absent_ : resident_; }
  // Whether a piece of that kind may be handed out now.
  [[nodiscard]] bool has(Kind kind) const;
  [[nodiscard]] bool may_look() const;
  [[nodiscard]] Window next_window();
  void skip_empty_shards();
  [[nodiscard]] static Piece cut(Queue& queue, std::size_t most_bytes);

  std::vector<std::unique_ptr<ShardFile>> shards_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Queue absent_;
  Queue resident_;
  InFlightLimit limit_;
  unsigned absent_in_flight_ = 0;
  std::uint64_t next_shard_ = 0;      // of the next window
  std::uint64_t next_offset_ = 0;     // of the next window
  unsigned small_windows_ = 32;       // that are still to come
  std::list<os::PendingCall> looks_;  // windows that someone is looking at
  std::size_t open_shards_ = 0;
  std::size_t unfinished_shards_ = 0;
  bool stopped_ = false;
};

}  // namespace coldload::load
