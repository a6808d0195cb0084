// One thread of the loader: keeps its share of the ring busy until no work is left.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <vector>

#include "load/arena.h"
#include "load/checksum.h"
#include "load/copier.h"
#include "load/io.h"
#include "load/layout.h"
#include "load/loader.h"
#include "load/pacer.h"
#include "load/rooms.h"
#include "load/work_list.h"
#include "os/clock.h"
#include "os/pending_call.h"

namespace coldload::load {

// What a worker needs of its surroundings. All outlive it.
struct WorkerContext {
  WorkList* work = nullptr;
  Pacer* pacer = nullptr;  // null: unpaced
  std::atomic<std::uint64_t>* bytes_arrived = nullptr;
  Rooms* rooms = nullptr;  // null: nobody is told what lands
  // Null for Into::ring. Reading may begin before it is there.
  std::shared_future<std::shared_ptr<const Arena>> arena;
  bool verify = false;
};

class Worker {
 public:
  // What one worker has for itself.
  struct Share {
    std::span<std::byte> memory;  // its part of the ring: `slots` slots
    Layout layout;
    Concurrency concurrency = Concurrency::threaded;
    std::unique_ptr<Io> io;  // reads that miss the page cache; `queued`: several at a time
    std::unique_ptr<Io> page_cache_io;  // the others
    std::unique_ptr<GpuLane> lane;      // null: what has been read is where it should be
  };
  explicit Worker(Share share);

  // Until there is no work left or someone stopped the list. Nothing is in flight afterwards.
  // Throws os::Error that names path and offset; the list is then stopped.
  void run(const WorkerContext& context);

  // Valid after run().
  [[nodiscard]] const RouteBytes& routes() const { return routes_; }
  [[nodiscard]] const Checksum& checksum() const { return checksum_; }

  // Its reads on their way, one per slot, for whoever watches for stalls.
  [[nodiscard]] const std::vector<os::PendingCall>& calls() const { return calls_; }

 private:
  struct Slot {
    std::span<std::byte> memory;
    Piece piece;
    std::uint64_t done = 0;     // bytes of the piece that are in memory
    std::uint64_t started = 0;  // where the read in flight starts, in the piece
    bool direct = false;        // the read in flight is O_DIRECT
    bool direct_ended = false;  // O_DIRECT brought no more of this piece
    os::TimePoint due;          // with a pacer: not arrived before
  };

  void loop();
  void fill();
  [[nodiscard]] bool read_resident();
  void reap(Io::Wait wait);
  void start(const Piece& piece);
  [[nodiscard]] std::span<std::byte> memory_for(unsigned index, const Piece& piece) const;
  void advance(unsigned index);
  [[nodiscard]] ReadRequest next_read(unsigned index);
  [[nodiscard]] bool accept(unsigned index, int result);
  void credit(const Slot& slot, std::uint64_t bytes);
  void finish(unsigned index);
  void collect(Io::Wait wait);
  void drain() noexcept;

  const Share share_;
  std::vector<Slot> slots_;
  std::vector<os::PendingCall> calls_;  // one per slot
  std::vector<unsigned> free_slots_;    // last used last: its memory is in the CPU's cache
  unsigned in_flight_ = 0;              // of share_.io
  WorkerContext context_;
  RouteBytes routes_;
  Checksum checksum_;
};

}  // namespace coldload::load
