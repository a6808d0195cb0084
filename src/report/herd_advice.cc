#include "report/herd_advice.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "findings/herd_budgets.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

using findings::HerdBasis;
using findings::HerdFit;
using findings::HerdOfArm;
using findings::HerdSize;

// "59 (derived) for internal services (60 s)"
std::string most_within(const HerdFit& fit) {
  const std::string use = fmt::format("for {} ({:g} s)", fit.budget.use, fit.budget.seconds);
  switch (fit.basis) {
    case HerdBasis::measured:
      return fit.nodes == 0 ? "none " + use : fmt::format("{} {}", fit.nodes, use);
    case HerdBasis::derived:
      return fmt::format("{} (derived) {}", fit.nodes, use);
    case HerdBasis::at_least:
      return fit.too_many
                 ? fmt::format("{} or more, but fewer than {}, {}", fit.nodes, *fit.too_many, use)
                 : fmt::format("{} or more {}", fit.nodes, use);
    case HerdBasis::below:
      return fmt::format("fewer than {} {}", fit.nodes, use);
  }
  return "";
}

// What was measured of the largest herd.
std::string evidence(const HerdOfArm& herd) {
  const HerdSize& largest = herd.sizes.back();
  const std::string time = in_seconds(largest.all_ready_s.max);
  const char* const slowest = largest.runs.size() == 1 ? "The only " : "The slowest ";
  if (largest.size == 1) return fmt::format("{}start of one node took {}", slowest, time);
  return fmt::format("{}herd of {} nodes, the most measured, took {}", slowest, largest.size, time);
}

// Of the shortest budget that leaves room for a node, as it is the dearest there.
std::string what_more_need(const std::vector<HerdFit>& fits) {
  const HerdFit* dearest = nullptr;
  for (const HerdFit& fit : fits) {
    if (!fit.each_more_bytes_per_s) continue;
    if (dearest == nullptr || fit.budget.seconds < dearest->budget.seconds) dearest = &fit;
  }
  if (dearest == nullptr) return "";
  return fmt::format("Each further node within {:g} s needs {} more from the storage (derived).",
                     dearest->budget.seconds, format_rate(*dearest->each_more_bytes_per_s));
}

// Where one size alone waited for the storage, the rate comes from it, and no other one tests it.
std::string what_is_untested(const HerdOfArm& herd, const std::vector<HerdFit>& fits) {
  const bool is_derived = std::any_of(
      fits.begin(), fits.end(), [](const HerdFit& fit) { return fit.basis == HerdBasis::derived; });
  if (!is_derived) return "";
  constexpr double k_beyond = 1.05;
  const double least = k_beyond * *herd.model->knee();  // or nothing was derived
  const auto waited = std::count_if(
      herd.sizes.begin(), herd.sizes.end(),
      [least](const HerdSize& size) { return static_cast<double>(size.size) > least; });
  if (waited > 1) return "";
  return fmt::format(
      "Only herds of {} nodes waited for the storage: herds of more would test what "
      "is derived.",
      herd.sizes.back().size);
}

Advice advice_for(const Comparison& comparison, const HerdOfArm& herd) {
  const std::vector<HerdFit> fits = findings::herd_fits_of(comparison, herd);
  std::vector<std::string> most;
  most.reserve(fits.size());
  for (const HerdFit& fit : fits) most.push_back(most_within(fit));
  std::vector<std::string> more{what_more_need(fits), what_is_untested(herd, fits)};
  if (loads_only(comparison)) {
    more.emplace_back("These are loads of weights alone: with a server, fewer nodes fit.");
  } else {
    more.emplace_back(
        "These nodes had packages and runtime caches in memory: of nodes that have just come up "
        "fewer fit.");
  }
  std::erase(more, "");
  return {fmt::format("**So many nodes may start at once from {}:** {}. {}.",
                      name_of(comparison, herd), joined(most), evidence(herd)),
          fmt::format("{}", fmt::join(more, " "))};
}

}  // namespace

std::vector<Advice> advice_for_herds(const Comparison& comparison) {
  std::vector<Advice> advice;
  for (const HerdOfArm& herd : findings::herds_of(comparison)) {
    if (!herd.sizes.empty() && herd.is_verified()) advice.push_back(advice_for(comparison, herd));
  }
  return advice;
}

}  // namespace coldload::report
