#include "findings/storage_share.h"

#include <algorithm>
#include <vector>

#include "findings/claim.h"
#include "records/trial_figures.h"

namespace coldload::findings {

namespace {

// Seconds of the weights phase in every trial of a mode; empty where one does not tell.
std::vector<double> weights_phase_s(const Mode& mode) {
  std::vector<double> values;
  for (const records::Record* trial : mode.trials) {
    const auto seconds = records::phase_seconds(*trial, "weights");
    if (!seconds) return {};
    values.push_back(*seconds);
  }
  return values;
}

StorageShare share_between(const std::vector<double>& cold, const std::vector<double>& warm) {
  StorageShare share;
  share.cold_s = statistics::median(cold);
  share.warm_s = statistics::median(warm);
  share.is_apart =
      *std::min_element(cold.begin(), cold.end()) > *std::max_element(warm.begin(), warm.end());
  share.is_clear = statistics::are_clearly_larger(warm, cold);
  return share;
}

}  // namespace

std::optional<StorageShare> storage_share_of(const Comparison& comparison, const Arm& arm) {
  if (!arm.cold.load_s || !arm.warm.load_s) return std::nullopt;
  const std::vector<double> cold = weights_phase_s(arm.cold);
  const std::vector<double> warm = weights_phase_s(arm.warm);
  if (loads_only(comparison) || cold.empty() || warm.empty()) {
    return share_between(arm.cold.values_s, arm.warm.values_s);
  }
  StorageShare share = share_between(cold, warm);
  share.of_phase = true;
  return share;
}

}  // namespace coldload::findings
