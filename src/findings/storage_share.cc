#include "findings/storage_share.h"

#include <algorithm>

#include "records/trial_figures.h"
#include "statistics/statistics.h"

namespace coldload::findings {

namespace {

using Trials = std::vector<const records::Trial*>;

// Seconds of the weights phase in every trial; empty where one does not tell.
std::vector<double> weights_phase_s(const Trials& trials) {
  std::vector<double> values;
  for (const records::Trial* trial : trials) {
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

std::optional<StorageShare> storage_share_of(const Trials& cold, const Trials& warm,
                                             bool loads_only) {
  if (cold.empty() || warm.empty()) return std::nullopt;
  const std::vector<double> cold_s = weights_phase_s(cold);
  const std::vector<double> warm_s = weights_phase_s(warm);
  if (loads_only || cold_s.empty() || warm_s.empty()) {
    return share_between(records::values_of(cold, &records::Trial::load_s),
                         records::values_of(warm, &records::Trial::load_s));
  }
  StorageShare share = share_between(cold_s, warm_s);
  share.of_phase = true;
  return share;
}

}  // namespace coldload::findings
