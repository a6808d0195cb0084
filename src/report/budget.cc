#include "report/budget.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "report/terms.h"
#include "report/wording.h"
#include "text/escape.h"

namespace coldload::report {

namespace {

using text::markdown_text;

constexpr double k_hour_s = 3600;
constexpr double k_day_s = 86'400;
constexpr double k_share_of_day = 0.01;  // coldload's example of what may go to cold starts

// What GPUs cost while they wait for starts from `arm`; empty without a price on record.
std::string price_of(const Comparison& comparison, const Arm& arm) {
  const std::optional<double>& price = comparison.facts.gpu_hour_price;
  if (!price || *price <= 0) return "";
  constexpr double k_starts = 1000;
  const auto cost = [&](const Arm& of) {
    return of.cold.load_s->median / k_hour_s * *price * k_starts;
  };
  std::string out = fmt::format(
      " {:g} {}s cost {:.2f} of waiting GPUs at {:.2f} an hour (`--gpu-hour`: of all that one "
      "server holds)",
      k_starts, start_word(comparison), cost(arm), *price);
  const Arm& first = comparison.arms.front();
  if (&first != &arm && first.is_measured() && differs(comparison, first, arm)) {
    const double more = cost(arm) - cost(first);
    out += fmt::format(", {:.2f} {} than from {}", std::abs(more), more < 0 ? "less" : "more",
                       name_of(first));
  }
  return out + (arm.facts.staged_from.empty() ? "." : ", without the copies.");
}

}  // namespace

std::string fit_of(const Comparison& comparison, const Arm& arm, double budget_s) {
  if (!arm.is_measured()) return arm.is_open() ? "to be measured" : "not measured";
  const statistics::Summary& load = *arm.cold.load_s;
  const std::string fits = loads_only(comparison) ? "loading alone fits" : "ok";
  std::string answer;
  if (load.median > budget_s) {
    answer = fmt::format("**no, {} over**", in_seconds(load.median - budget_s));
    const auto within = std::count_if(arm.cold.values_s.begin(), arm.cold.values_s.end(),
                                      [&](double seconds) { return seconds <= budget_s; });
    if (within > 0) answer += fmt::format(" ({} of {} within)", within, runs(load.n));
  } else if (load.max > budget_s) {
    answer =
        fmt::format("{} at the median, slowest run {} over", fits, in_seconds(load.max - budget_s));
  } else {
    answer = fits;
  }
  if (load.n < statistics::k_least_n && answer.back() != ')')
    answer += fmt::format(" ({})", runs(load.n));
  return arm.is_verified() ? answer : answer + " (not verified cold)";
}

std::vector<std::string> tolerance_of(const Comparison& comparison) {
  std::vector<std::string> sentences;
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_measured() || arm.cold.load_s->median <= 0) continue;
    const double seconds = arm.cold.load_s->median;
    const double a_day = std::floor(k_day_s * k_share_of_day / seconds);
    sentences.push_back(fmt::format(
        "{}: one {} an hour costs {} of the hour; in {:g} s a day there is room for {} of them.{}",
        name_of(arm), start_word(comparison), percent(seconds / k_hour_s), k_day_s * k_share_of_day,
        a_day < 1 ? "none" : fmt::format("{:.0f}", a_day), price_of(comparison, arm)));
  }
  return sentences;
}

}  // namespace coldload::report
