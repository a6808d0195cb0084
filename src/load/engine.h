// What the threads of one load share, and the loop that watches over them.
//
// Layer: load.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "load/fallbacks.h"
#include "load/layout.h"
#include "load/loader.h"
#include "load/pacer.h"
#include "load/work_list.h"
#include "load/worker.h"
#include "os/clock.h"
#include "os/mapping.h"

namespace coldload::load {

class Engine {
 public:
  // Throws os::Error where the options cannot be met.
  Engine(const Options& options, Loader::WrapIo wrap);

  [[nodiscard]] unsigned threads() const { return layout_.threads; }

  // The body of thread `index`: prepares its share of the ring, waits for the work, does it.
  void serve(unsigned index) noexcept;

  // Loader::load.
  [[nodiscard]] Result load(const std::vector<Shard>& shards, const Progress& progress);

  // Ends what runs and waits until `started` threads have returned from serve(). False: at least
  // one is stuck in a read, and none should be waited for.
  [[nodiscard]] bool close(unsigned started) noexcept;

 private:
  [[nodiscard]] std::unique_ptr<Worker> make_worker(unsigned index);
  [[nodiscard]] bool wait_for_work();
  void note_error() noexcept;
  void watch(const Progress& progress);
  [[nodiscard]] std::optional<std::string> stall() const;
  [[nodiscard]] Result result(os::TimePoint started) const;

  const Options options_;
  const Loader::WrapIo wrap_;
  Concurrency concurrency_ = Concurrency::threaded;
  Layout layout_;
  os::Mapping ring_;
  Fallbacks fallbacks_;
  std::optional<Pacer> pacer_;
  std::atomic<std::uint64_t> bytes_arrived_{0};
  std::optional<WorkList> work_;  // set once, under mutex_, before work_given_

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Worker>> workers_;  // by thread; null until it is prepared
  bool work_given_ = false;
  bool closing_ = false;
  bool stuck_ = false;
  unsigned idle_ = 0;      // threads that are done with the work
  unsigned returned_ = 0;  // threads that have left serve()
  os::TimePoint last_arrival_;
  std::exception_ptr error_;  // the first
};

}  // namespace coldload::load
