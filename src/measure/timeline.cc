#include "measure/timeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace coldload::measure {

namespace {

// Shares of one core. All sampling together stays under a hundredth: these, and those of
// measure/observation.cc and measure/gpu_sampler.cc, but for a GPU that is dear to ask.
constexpr double k_counter_share = 0.0008;
constexpr double k_page_cache_share = 0.0007;

// What can only grow: the largest figure so far, if this one is known.
template <typename Number>
std::optional<Number> grown(const std::optional<Number>& figure, std::optional<Number>* largest) {
  if (!figure) return std::nullopt;
  *largest = std::max(largest->value_or(0), *figure);
  return *largest;
}

template <typename Source>
auto ask(const Source& source, os::TimePoint now, bool whatever_it_costs, CostBound* bound)
    -> decltype(source()) {
  if (!source || (!whatever_it_costs && !bound->due(now))) return {};
  const auto before = os::thread_cpu_time();
  auto answer = source();
  bound->ran(now, os::thread_cpu_time() - before);
  return answer;
}

}  // namespace

Timeline::Timeline(os::TimePoint launched_at, TimelineSources sources)
    : launched_at_(launched_at),
      sources_(std::move(sources)),
      next_(launched_at),
      counter_cost_(k_counter_share),
      page_cache_cost_(k_page_cache_share) {}

void Timeline::add(os::TimePoint now, const process::TreeSample* tree, Row which) {
  records::TimelineSample row;
  row.t_s = std::max(0.0, os::seconds_between(launched_at_, now));
  if (tree != nullptr) {
    row.read_calls = grown(tree->read_calls, &largest_.read_calls);
    row.cpu_s = grown(std::optional(tree->usage.cpu_s), &largest_.cpu_s);
    row.resident_bytes = tree->usage.resident_bytes;
    pids_ = tree->pids;
  }
  std::optional<std::uint64_t> bytes;
  if (sources_.storage_bytes) {
    bytes = ask(sources_.storage_bytes, now, which == Row::last, &counter_cost_);
  } else if (tree != nullptr) {
    bytes = tree->reads.bytes;
  }
  row.storage_bytes = grown(bytes, &largest_.storage_bytes);
  row.page_cache_bytes = ask(sources_.page_cache_bytes, now, which == Row::last, &page_cache_cost_);
  if (sources_.gpu) row.gpu = sources_.gpu(pids_);
  samples_.push_back(row);
  if (samples_.size() > k_most_samples) thin_out();
  // On the grid that begins at launch, whatever this row was late.
  next_ = launched_at_ + ((now - launched_at_) / period_ + 1) * period_;
}

// The first row stays.
void Timeline::thin_out() {
  for (std::size_t i = 1; 2 * i < samples_.size(); ++i) samples_[i] = samples_[2 * i];
  samples_.resize((samples_.size() + 1) / 2);
  period_ *= 2;
}

}  // namespace coldload::measure
