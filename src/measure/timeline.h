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
#include "serve/process_tree.h"
#include "text/json.h"

namespace coldload::measure {

// One look at the GPUs.
struct GpuReading {
  std::optional<double> memory_mib;  // of the tree; else in use beyond what was before launch
  std::optional<double> utilization_percent;  // of the busiest GPU
  std::optional<double> pcie_rx_bytes_per_s;  // of all GPUs together
};

// One row. What was not looked at for it, or is not known, is not there.
struct TimelineSample {
  double t_s = 0;                              // since launch
  std::optional<std::uint64_t> storage_bytes;  // since launch
  std::optional<std::uint64_t> read_calls;     // since launch, all processes of the tree
  std::optional<double> cpu_s;                 // since launch, all processes of the tree
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> page_cache_bytes;
  GpuReading gpu;
};

// Where the figures beside the tree's come from. Each may be empty: there is no such figure then.
struct TimelineSources {
  // Of the path's own counter, since launch; where it is empty, the tree's read_bytes are taken.
  std::function<std::optional<std::uint64_t>()> storage_bytes;
  std::function<std::optional<std::uint64_t>()> page_cache_bytes;
  // What is new since the last call; it is told the tree's processes.
  std::function<GpuReading(const std::vector<pid_t>&)> gpu;
};

class Timeline {
 public:
  static constexpr std::chrono::milliseconds k_period{100};
  static constexpr std::size_t k_most_samples = 4000;

  Timeline(os::TimePoint launched_at, TimelineSources sources);

  // Whether the next row is due.
  [[nodiscard]] bool due(os::TimePoint now) const { return now >= next_; }
  // Adds a row. `tree`: of a look at about `now`; nothing if there was none. What can only grow
  // (bytes, calls, CPU) keeps the largest figure seen: what a process read that nobody waits for
  // goes with it. Past k_most_samples every second row is dropped, and the period is doubled.
  void add(os::TimePoint now, const serve::TreeSample* tree) { add(now, tree, Row::regular); }
  // The row at the end: nothing is left out for what it costs.
  void add_last(os::TimePoint now, const serve::TreeSample* tree) { add(now, tree, Row::last); }

  [[nodiscard]] const std::vector<TimelineSample>& samples() const { return samples_; }

 private:
  enum class Row { regular, last };
  void add(os::TimePoint now, const serve::TreeSample* tree, Row which);
  void thin_out();

  os::TimePoint launched_at_;
  TimelineSources sources_;
  os::Clock::duration period_ = k_period;
  os::TimePoint next_;
  CostBound counter_cost_;
  CostBound page_cache_cost_;
  TimelineSample largest_;
  std::vector<pid_t> pids_;
  std::vector<TimelineSample> samples_;
};

// An array of objects with the names above; what is not there is null.
[[nodiscard]] text::json::array to_json(const std::vector<TimelineSample>& samples);
// The rows of such an array, in the order of time. What is no number that can be is taken as not
// known; a row without its time is left out.
[[nodiscard]] std::vector<TimelineSample> samples_of(const text::json::array& rows);

// CPU seconds of the tree between two times since launch. Nothing where rows that know them are too
// far from either time for a figure within about a tenth.
[[nodiscard]] std::optional<double> cpu_between(const std::vector<TimelineSample>& samples,
                                                double from_s, double to_s);

}  // namespace coldload::measure
