#include "measure/forecast.h"

#include <algorithm>

#include "statistics/statistics.h"

namespace coldload::measure {

void Forecast::knows_least(const std::string& trial, double seconds) {
  double& least = least_s_[trial];
  least = std::max(least, seconds);
}

void Forecast::took(const std::string& trial, double seconds) { took_s_[trial].push_back(seconds); }

std::optional<double> Forecast::expected_s(const std::string& trial) const {
  const auto found = took_s_.find(trial);
  return found == took_s_.end() ? std::nullopt : statistics::median_if_any(found->second);
}

std::optional<Forecast::Time> Forecast::of(std::span<const std::string> trials) const {
  Time time;
  bool any = false;
  for (const std::string& trial : trials) {
    const auto expected = expected_s(trial);
    const auto least = least_s_.find(trial);
    time.at_least |= !expected;
    if (!expected && least == least_s_.end()) continue;
    time.seconds += expected ? *expected : least->second;
    any = true;
  }
  return any ? std::optional(time) : std::nullopt;
}

}  // namespace coldload::measure
