// What went on while a target loaded: one row of figures every 100 ms.
//
// Layer: measure. Knows no thread: who samples tells it the time and calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <sys/types.h>

#include "measure/cost_bound.h"
#include "os/clock.h"
#include "process/process_tree.h"
#include "records/timeline.h"

namespace coldload::measure {

// Where the figures beside the tree's come from. Each may be empty: there is no such figure then.
struct TimelineSources {
  // Of the path's own counter, since launch; where it is empty, the tree's read_bytes are taken.
  std::function<std::optional<std::uint64_t>()> storage_bytes;
  std::function<std::optional<std::uint64_t>()> page_cache_bytes;
  // What is new since the last call; it is told the tree's processes.
  std::function<records::GpuReading(const std::vector<pid_t>&)> gpu;
};

class Timeline {
 public:
  static constexpr std::chrono::milliseconds k_period{100};
  static constexpr std::size_t k_most_samples = 4000;

  Timeline(os::TimePoint launched_at, TimelineSources sources);

  // Whether the next row is due.
  [[nodiscard]] bool due(os::TimePoint now) const { return now >= next_; }
  enum class Row {
    regular,
    last,  // nothing is left out for what it costs
  };
  // Adds a row. `tree`: of a look at about `now`; nothing if there was none. What can only grow
  // (bytes, calls, CPU) keeps the largest figure seen: what a process read that nobody waits for
  // goes with it. Past k_most_samples every second row is dropped, and the period is doubled.
  void add(os::TimePoint now, const process::TreeSample* tree, Row which = Row::regular);

  [[nodiscard]] const std::vector<records::TimelineSample>& samples() const { return samples_; }

 private:
  void thin_out();

  os::TimePoint launched_at_;
  TimelineSources sources_;
  os::Clock::duration period_ = k_period;
  os::TimePoint next_;
  CostBound counter_cost_;
  CostBound page_cache_cost_;
  records::TimelineSample largest_;
  std::vector<pid_t> pids_;
  std::vector<records::TimelineSample> samples_;
};

}  // namespace coldload::measure
