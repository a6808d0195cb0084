// What is left to read, looked up as the load goes on and handed out piece by piece.
//
// The shards are cut into windows; whoever runs out of pieces of one kind opens and looks at the
// next window, outside the lock. So threads balance by bytes over all shards, looking overlaps
// with reading, and few shards are open at a time.
//
// Storage gets one shard after the other, in as many places as bring more. A FUSE mount, whose
// daemon may want to stream each file, gets several shards beside each other, first in one place of
// each.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load/in_flight.h"
#include "load/shard_file.h"
#include "os/clock.h"
#include "os/pending_call.h"
#include "streams/stream_choice.h"

namespace coldload::load {

// Thread-safe.
class WorkList {
 public:
  // Of the shards, only the first `admitted` may be read, until admit(). At most `most_in_flight`
  // absent pieces are handed out and have not arrived; how many of them
  // really are is measured.
  WorkList(const std::vector<Shard>& shards, const ShardFile::Access& access,
           unsigned most_in_flight, Fallbacks& fallbacks,
           std::size_t admitted = std::numeric_limits<std::size_t>::max());

  // The first `count` shards may be read: there is memory for them. Never fewer than before.
  void admit(std::size_t count);

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
  // Absent pieces that are kept in flight, as measured so far: on a FUSE mount, of all shards that
  // are read beside each other.
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
  // One kind's pieces, by shard and offset.
  using Pieces = std::map<std::pair<std::uint64_t, std::uint64_t>, Piece>;
  struct Queue {
    Pieces pieces;
    std::uint64_t bytes = 0;
  };
  struct Progress {
    std::uint64_t looked_bytes = 0;  // before the next window
    unsigned looks = 0;              // at its windows, under way
    unsigned in_flight = 0;          // absent pieces
  };

  [[nodiscard]] Queue& queue(Kind kind) { return kind == Kind::absent ? absent_ : resident_; }
  // A piece of that kind that may be handed out now; the queue's end where there is none.
  [[nodiscard]] Pieces::iterator next_piece(Kind kind);
  [[nodiscard]] bool has(Kind kind) { return next_piece(kind) != queue(kind).pieces.end(); }
  [[nodiscard]] std::optional<std::uint64_t> shard_to_look_at();
  [[nodiscard]] Window next_window(std::uint64_t shard);
  [[nodiscard]] Piece cut(Queue& queue, Pieces::iterator at, std::size_t most_bytes) const;
  void add(const std::vector<Piece>& found);
  void skip_shards();

  std::vector<std::unique_ptr<ShardFile>> shards_;
  const unsigned most_in_flight_;
  std::uint64_t bytes_ = 0;  // of all shards

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Queue absent_;
  Queue resident_;
  InFlightLimit limit_;                           // but where there is
  std::optional<streams::StreamChoice> streams_;  // one
  unsigned absent_in_flight_ = 0;
  std::vector<Progress> progress_;    // by shard
  std::uint64_t next_shard_ = 0;      // none before it has windows that nobody has looked at
  unsigned small_windows_ = 32;       // that are still to come
  std::list<os::PendingCall> looks_;  // windows that someone is looking at
  std::size_t open_shards_ = 0;
  std::size_t admitted_;
  std::size_t unfinished_shards_ = 0;
  bool stopped_ = false;
};

}  // namespace coldload::load
