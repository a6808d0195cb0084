#include "measure/run_count.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "statistics/statistics.h"
#include "text/units.h"

namespace coldload::measure {

std::string describe(const RunCount& count) {
  if (!count.automatic) return "";
  std::string text = fmt::format(
      "until every ratio's 95 % interval was at most {:g} % of it wide, looked at after 5, 7, 10, "
      "14, "
      "20, ... runs; at most {} runs per path",
      count.precision * 100, count.runs);
  if (count.longest) {
    text += fmt::format(" and {} s", text::format_seconds(os::Seconds(*count.longest).count()));
  }
  return text;
}

bool is_look(std::uint64_t runs) {
  // Each half as many again, nearly: 5 * 2^(i / 2).
  for (int i = 0;; ++i) {
    const auto look = static_cast<std::uint64_t>(
        std::llround(static_cast<double>(statistics::k_least_n) * std::exp2(i / 2.0)));
    if (look >= runs) return look == runs;
  }
}

bool are_precise(const std::vector<std::vector<double>>& seconds, double precision) {
  const std::vector<double>* first = nullptr;
  for (const std::vector<double>& values : seconds) {
    if (values.empty()) return false;
    if (first == nullptr) {
      first = &values;
      continue;
    }
    const auto interval = statistics::ratio_interval(*first, values);
    if (!interval) return false;
    const double ratio = statistics::median(values) / statistics::median(*first);
    if (interval->high - interval->low > precision * ratio) return false;
  }
  return first != nullptr;
}

bool RunStop::before(const Slot& slot) {
  const bool is_cold = slot.kind == TrialKind::cold || slot.kind == TrialKind::after_copy;
  if (is_cold) has_runs_[slot.arm] = true;
  if (!count_.automatic || !is_cold || slot.block == block_) return enough_ && is_cold;
  const os::TimePoint now = os::Clock::now();
  if (!began_) {
    began_ = now;
  } else {
    longest_block_ = std::max(longest_block_, now - block_began_);
  }
  const std::uint64_t done = block_;
  block_ = slot.block;
  block_began_ = now;
  const bool time_is_up = count_.longest && now + longest_block_ > *began_ + *count_.longest;
  enough_ = enough_ || (is_look(done) && is_precise()) || time_is_up;
  return enough_;
}

bool RunStop::is_precise() const {
  std::vector<std::vector<double>> seconds;
  for (std::size_t arm = 0; arm < seconds_.size(); ++arm) {
    if (has_runs_[arm]) seconds.push_back(seconds_[arm]);
  }
  return are_precise(seconds, count_.precision);
}

}  // namespace coldload::measure
