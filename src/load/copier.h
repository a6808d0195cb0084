// The copies of a load into GPU memory: one thread sends what all readers have filled.
//
// Between two submissions to a GPU the bus idles for 2-3 us: 6 % of the time that 2 MiB take. So
// what is filled while copies are under way is sent together, in as few submissions as possible,
// while the readers' own pieces stay small enough for the CPU's cache (bench/loaders/README.md).
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "gpu/cuda.h"
#include "load/io.h"
#include "load/rooms.h"
#include "load/shard_file.h"
#include "os/crew.h"

namespace coldload::load {

class GpuLane;

// What has been copied, and who wants to know; null: nobody.
struct Landing {
  Rooms* rooms = nullptr;
  Piece piece;
};

// Thread-safe.
class Copier {
 public:
  // A copy that takes longer than `stall_timeout` is an error.
  Copier(std::shared_ptr<const gpu::Device> device, std::chrono::nanoseconds stall_timeout);
  // Waits for the copies under way.
  ~Copier();
  Copier(const Copier&) = delete;
  Copier& operator=(const Copier&) = delete;

 private:
  friend class GpuLane;
  struct Filled {
    GpuLane* lane = nullptr;
    unsigned slot = 0;
    Landing landing;
    gpu::CopyStream::Copy copy;
  };
  struct Batch;

  void send(const Filled& filled);
  void serve() noexcept;
  [[nodiscard]] bool copy_some(gpu::CopyStream& stream);
  void submit(gpu::CopyStream& stream, std::vector<Filled> filled);
  void give_back();
  void fail(const std::exception_ptr& error);

  const std::shared_ptr<const gpu::Device> device_;
  const std::chrono::nanoseconds stall_timeout_;
  std::mutex mutex_;
  std::condition_variable filled_changed_;
  std::vector<Filled> filled_;
  std::atomic<std::size_t> waiting_{0};  // filled_.size(), to be looked at without the lock
  std::vector<GpuLane*> lanes_;
  std::exception_ptr error_;
  bool closing_ = false;
  // The copier's thread's own.
  std::deque<std::unique_ptr<Batch>> under_way_;
  std::vector<std::unique_ptr<Batch>> idle_;
  os::Crew thread_;
};

// One reader's end of it. Used by one thread, but for what the copier does.
class GpuLane {
 public:
  // Pins `memory`, the reader's share of the ring; it and the copier outlive the lane.
  GpuLane(const std::shared_ptr<const gpu::Device>& device, Copier& copier,
          std::span<std::byte> memory);
  // Waits for its copies, unless the GPU has failed.
  ~GpuLane();
  GpuLane(const GpuLane&) = delete;
  GpuLane& operator=(const GpuLane&) = delete;

  // Has `data`, which lies in `slot`, copied to `address`; `landing` is told afterwards. The slot's
  // memory is the GPU's until sent() gives it back.
  void send(unsigned slot, std::span<const std::byte> data, std::uint64_t address,
            const Landing& landing);
  [[nodiscard]] bool sending() const { return sending_ > 0; }
  // A slot whose copy is done. If there is none: nothing where `wait` is no, else waits. Throws
  // what the copies threw.
  [[nodiscard]] std::optional<unsigned> sent(Io::Wait wait);

 private:
  friend class Copier;
  Copier& copier_;
  gpu::PinnedRange pinned_;
  unsigned sending_ = 0;
  std::condition_variable sent_changed_;  // with the copier's mutex, as what follows
  std::vector<unsigned> sent_;
};

}  // namespace coldload::load
