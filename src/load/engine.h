// What the threads of one load share, and the loop that watches over them.
//
// Layer: load. Knows nothing of tensors, servers or experiments.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gpu/cuda.h"
#include "load/arena.h"
#include "load/copier.h"
#include "load/fallbacks.h"
#include "load/layout.h"
#include "load/loader.h"
#include "load/pacer.h"
#include "load/rooms.h"
#include "load/work_list.h"
#include "load/worker.h"
#include "os/clock.h"
#include "os/crew.h"
#include "os/mapping.h"

namespace coldload::load {

class Engine : public std::enable_shared_from_this<Engine> {
 public:
  // Throws os::Error where the options cannot be met.
  Engine(const Options& options, Loader::WrapIo wrap);

  [[nodiscard]] unsigned threads() const { return layout_.threads; }

  // The body of thread `index`: prepares its share of the ring, waits for the work, does it.
  void serve(unsigned index) noexcept;

  // Loader::prepare.
  void prepare();

  // Loader::load.
  [[nodiscard]] Result load(const std::vector<Shard>& shards, const Progress& progress);

  // Loader::stop, Loader::look_again.
  void stop() noexcept;
  void look_again() noexcept;

  // Ends what runs and waits until the threads of `crew` have returned from serve(). False: at
  // least one is stuck in a read, and none should be waited for.
  [[nodiscard]] bool close(const os::Crew& crew) noexcept;

 private:
  [[nodiscard]] std::unique_ptr<Worker> make_worker(unsigned index);
  [[nodiscard]] std::unique_ptr<Io> make_io(std::span<std::byte> memory, Worker::Share& share);
  [[nodiscard]] std::unique_ptr<GpuLane> make_lane(std::span<std::byte> memory);
  [[nodiscard]] bool wait_for_work();
  [[nodiscard]] bool has_window() const { return options_.consumer && options_.window_bytes > 0; }
  void check_room(const std::vector<Shard>& shards);
  void give_work(const std::vector<Shard>& shards);
  void make_room_for_all();
  [[nodiscard]] std::unique_ptr<Room> make_room(std::uint64_t bytes) const;
  [[nodiscard]] Rooms::Memory memory();
  void note_error() noexcept;
  void watch(const Progress& progress);
  [[nodiscard]] std::string stall() const;  // empty: none
  [[nodiscard]] Result result(os::TimePoint started) const;
  [[nodiscard]] Checksum checksum() const;
  void check_what_arrived(const std::vector<Shard>& shards);

  const Options options_;
  const Loader::WrapIo wrap_;
  Concurrency concurrency_ = Concurrency::threaded;
  Layout layout_;
  os::Mapping ring_;
  std::atomic<double> context_s_{0};
  std::shared_future<std::shared_ptr<const gpu::Device>> device_;  // not valid without a GPU
  os::Crew opener_;                                                // makes device_
  std::once_flag copier_made_;
  std::optional<Copier> copier_;
  std::promise<std::shared_ptr<const Arena>> arena_promise_;
  std::shared_future<std::shared_ptr<const Arena>> arena_;  // not valid for Into::ring
  // Rings for whoever lets go of a room, in whatever thread, until the engine closes.
  struct Bell {
    std::mutex mutex;
    Engine* engine = nullptr;
  };
  const std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::shared_ptr<Arena> memory_;  // what arena_ has or will have
  std::optional<Rooms> rooms_;     // with a consumer; set once, before work_given_
  std::optional<double> allocate_s_;
  Fallbacks fallbacks_;
  std::optional<Pacer> pacer_;
  std::atomic<std::uint64_t> bytes_arrived_{0};
  std::optional<WorkList> work_;  // set once, under mutex_, before work_given_

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Worker>> workers_;  // by thread; null until it is prepared
  unsigned prepared_ = 0;                         // threads that are, or cannot be
  std::optional<os::TimePoint> pinning_began_;
  os::TimePoint pinning_ended_;
  bool work_given_ = false;
  bool stopping_ = false;
  bool look_again_ = false;
  bool closing_ = false;
  bool stuck_ = false;            // a thread, in a read or a copy
  std::shared_ptr<Engine> self_;  // only where a copy to the GPU did not end in time: for good
  unsigned idle_ = 0;             // threads that are done with the work
  os::TimePoint last_arrival_;
  std::exception_ptr error_;  // the first
};

}  // namespace coldload::load
