#include "findings/herd_budgets.h"

#include <algorithm>
#include <iterator>

namespace coldload::findings {

namespace {

HerdFit fit_of(const HerdOfArm& herd, const Budget& budget) {
  const auto too_many = std::find_if(
      herd.sizes.begin(), herd.sizes.end(),
      [&budget](const HerdSize& size) { return size.all_ready_s.max > budget.seconds; });
  const bool any_too_many = too_many != herd.sizes.end();
  HerdFit fit;
  fit.budget = budget;
  fit.nodes = too_many == herd.sizes.begin() ? 0 : std::prev(too_many)->size;
  if (any_too_many) fit.too_many = too_many->size;
  if (any_too_many && too_many->size == fit.nodes + 1) return fit;
  if (!herd.model_fits() || !herd.model->total_bytes_per_s) {
    fit.basis = fit.nodes == 0 ? HerdBasis::below : HerdBasis::at_least;
    if (fit.nodes == 0) fit.nodes = herd.sizes.front().size;
    return fit;
  }
  std::uint64_t derived = *herd.model->most_nodes(budget.seconds);
  if (any_too_many) derived = std::min(derived, too_many->size - 1);
  if (derived > fit.nodes) {
    fit.nodes = derived;
    fit.basis = HerdBasis::derived;
  }
  return fit;
}

}  // namespace

std::vector<HerdFit> herd_fits_of(const Comparison& comparison, const HerdOfArm& herd) {
  std::vector<HerdFit> fits;
  for (const Budget& budget : budgets_of(comparison)) {
    fits.push_back(fit_of(herd, budget));
    if (!herd.model_fits() || !herd.model->total_bytes_per_s) continue;
    if (fits.back().nodes == 0 || *herd.model->most_nodes(budget.seconds) == 0) continue;
    fits.back().each_more_bytes_per_s = herd.model->bytes / (budget.seconds - herd.model->base_s);
  }
  return fits;
}

Waves waves_of(const HerdModel& model, std::uint64_t nodes, std::uint64_t size) {
  Waves waves;
  waves.size = size;
  waves.count = (nodes + size - 1) / size;
  waves.each_wave_s = model.all_ready_s(static_cast<double>(size));
  waves.all_ready_s = static_cast<double>(waves.count) * waves.each_wave_s;
  return waves;
}

}  // namespace coldload::findings
