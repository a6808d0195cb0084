// One load under way: tensors in the order in which they land.
//
// Layer: api. May include os/, gpu/, load/. Knows nothing of C or Python.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/opened.h"
#include "api/plan.h"
#include "load/loader.h"
#include "os/crew.h"

namespace coldload::api {

struct SessionOptions {
  std::optional<int> gpu;  // as CUDA_VISIBLE_DEVICES counts; nothing: host memory
  unsigned threads = 0;
  std::uint64_t ring_bytes = 0;    // 0: the loader's own
  std::uint64_t window_bytes = 0;  // 0: no window
  unsigned rank = 0;
  unsigned ranks = 1;
  std::optional<std::vector<Part>> parts;  // nothing: all
};

// A tensor in memory. Copies share the memory, which lives as long as the last of them.
struct Landed {
  std::shared_ptr<const Opened> opened;
  Wanted wanted;
  std::optional<int> gpu;
  std::uint64_t address = 0;           // aligned for its dtype; 0 where it is empty
  std::shared_ptr<const void> memory;  // null where it is empty

  [[nodiscard]] const Tensor& tensor() const { return opened->tensors[wanted.tensor]; }
  // Of the part.
  [[nodiscard]] std::vector<std::uint64_t> shape() const;
};

class Session : private load::Consumer {
 public:
  // Begins to load. Throws os::Error where the options or the plan cannot be met.
  Session(std::shared_ptr<const Opened> opened, const SessionOptions& options);
  // Ends the load, in the middle, too.
  ~Session() override;

  enum class Outcome { landed, waiting, done };
  // Appends up to `most` tensors that have landed; waits for the first of them until `patience` is
  // over. Throws what the load threw. For one thread.
  [[nodiscard]] Outcome next(std::chrono::milliseconds patience, std::size_t most,
                             std::vector<Landed>* landed);

  // Nothing before all is there.
  [[nodiscard]] std::optional<load::Result> result() const;

 private:
  // Of a run: who holds its memory, and how much of each tensor is missing.
  struct Arrival {
    std::shared_ptr<const load::Room> room;  // until all its tensors are there
    std::uint64_t address = 0;               // of the run's first byte
    std::vector<std::uint64_t> missing_bytes;
    std::size_t missing_tensors = 0;
  };

  void begins(std::uint64_t run, std::shared_ptr<const load::Room> room,
              std::uint64_t address) override;
  void landed(std::uint64_t run, std::uint64_t offset, std::uint64_t bytes) override;
  [[nodiscard]] bool is_starved() const override;
  void load(const std::vector<load::Shard>& shards) noexcept;
  [[nodiscard]] Landed aligned(Landed landed) const;

  const std::shared_ptr<const Opened> opened_;
  const std::optional<int> gpu_;
  const Plan plan_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Arrival> arrivals_;
  std::deque<Landed> ready_;
  bool is_waiting_ = false;  // next() found nothing, and nothing has been taken since
  bool is_over_ = false;
  std::exception_ptr problem_;
  std::optional<load::Result> result_;

  std::optional<load::Loader> loader_;
  os::Crew thread_;  // that loads
};

}  // namespace coldload::api
