#include "findings/expectation.h"

#include <algorithm>
#include <utility>

#include "findings/setting.h"
#include "findings/storage_share.h"

namespace coldload::findings {

namespace {

// What a load takes beside its reading: a warm one, less its weights phase where that is told.
std::optional<double> rest_time_for(const Comparison& comparison, const Arm& arm) {
  const Arm* with_warm = &arm;
  for (const Arm& other : comparison.arms) {
    if (!with_warm->warm.load_s) with_warm = &other;
  }
  if (!with_warm->warm.load_s) return std::nullopt;
  const auto share = with_warm->share;
  const double weights_s = share && share->of_phase ? share->warm_s : 0;
  return with_warm->warm.load_s->median - weights_s;
}

// What the expected time is divided by: the reference's, unless it is that arm itself.
std::optional<double> reference_time(const Comparison& comparison, std::size_t arm) {
  const Arm& reference = comparison.arms[comparison.reference];
  if (arm == comparison.reference || !reference.cold.load_s) return std::nullopt;
  const double median = reference.cold.load_s->median;
  return median > 0 ? std::optional(median) : std::nullopt;
}

std::vector<std::pair<std::string, double>> rates_of(const records::StandInFacts& facts,
                                                     bool native) {
  std::vector<std::pair<std::string, double>> rates;
  const auto add = [&rates](const char* basis, std::optional<double> rate) {
    if (rate && *rate > 0) rates.emplace_back(basis, *rate);
  };
  add("named", facts.rate_bytes_per_s);
  add("delivered to read", facts.delivered_read_bytes_per_s);
  if (!native) add("delivered to mmap", facts.delivered_mmap_bytes_per_s);
  return rates;
}

}  // namespace

std::vector<Expectation> expectations_of(const Comparison& comparison) {
  std::vector<Expectation> expectations;
  const bool native = is_native(comparison.facts);
  for (std::size_t index = 0; index < comparison.arms.size(); ++index) {
    const Arm& arm = comparison.arms[index];
    // Where reading goes on beside the start, the two do not add up.
    if (!arm.facts.stand_in || !arm.facts.prefetch_of.empty()) continue;
    if (arm.checkpoint_bytes == 0) continue;
    const std::optional<double> rest_s = rest_time_for(comparison, arm);
    for (const auto& [basis, rate] : rates_of(*arm.facts.stand_in, native)) {
      Expectation expected;
      expected.arm = index;
      expected.basis = basis;
      expected.rate_bytes_per_s = rate;
      expected.load_s = static_cast<double>(arm.checkpoint_bytes) / rate;
      if (native) {
        expected.load_s = std::max(expected.load_s, rest_s.value_or(0));
      } else if (rest_s) {
        expected.rest_s = rest_s;
        expected.load_s += *rest_s;
      }
      const auto reference_s = reference_time(comparison, index);
      // A load without its rest over one with it would be no ratio.
      const bool is_whole = native || rest_s;
      if (is_whole && reference_s) expected.ratio = expected.load_s / *reference_s;
      expectations.push_back(std::move(expected));
    }
  }
  return expectations;
}

}  // namespace coldload::findings
