// How long each use can wait for a start, what fits that, and how often starts can be borne.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "findings/layers.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

constexpr double k_hour_s = 3600;
constexpr double k_day_s = 86'400;
constexpr double k_share_of_day = 0.01;  // coldload's example of what may go to cold starts

// "ok", "**no, 14.7 s over**", "not measured": an arm's median against a budget.
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

// Where cold weights fit, and a start from a deeper layer of cold does not; else empty.
std::string deeper_layers_over(const std::vector<findings::LayersOfArm>& layers, std::size_t arm,
                               double budget_s) {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [arm](const auto& one) { return one.arm == arm; });
  if (found == layers.end()) return "";
  const findings::MeasuredLayer& coldest = found->layers.back();
  const double over_s = coldest.mode->load_s->median - budget_s;
  if (over_s <= 0) return "";
  return fmt::format(
      "; **{} {} over**",
      coldest.layer == records::Layer::first ? "a node's first start" : "with the program cold",
      in_seconds(over_s));
}

// Whose the budgets are, and what they are held against.
std::string about_budgets(const Comparison& comparison) {
  bool any_by_user = false;
  bool any_default = false;
  for (const Budget& budget : budgets_of(comparison)) {
    any_by_user |= budget.by_user;
    any_default |= !budget.by_user;
  }
  std::string out = "Each median is held against the budget.";
  if (any_default) {
    out += any_by_user ? " Those not marked as yours are coldload's defaults"
                       : " The budgets are coldload's defaults";
    out += "; set yours with `--budget user=30s`.";
  } else {
    out += " All of them are yours.";
  }
  if (loads_only(comparison)) {
    out +=
        " The loads are of weights alone. A path that misses a budget here will miss it with a "
        "server; one that fits may still miss.";
  }
  return out;
}

// Which arms are one storage, where the answer does not say it.
std::vector<std::string> about_same_storage(const Comparison& comparison) {
  std::vector<std::string> notes;
  if (comparison.arms.size() <= 2) return notes;
  for (const records::SameStorage& pair : comparison.facts.same_storage) {
    notes.push_back(fmt::format("{}. What differs between their times is not storage.",
                                markdown_text(to_string(pair))));
  }
  return notes;
}

// What GPUs cost while they wait for starts from `arm`; empty without a price on record.
std::string price_of(const Comparison& comparison, const Arm& arm) {
  const std::optional<double>& price = comparison.facts.gpu_hour_price;
  if (!price || *price <= 0) return "";
  constexpr double k_starts = 1000;
  const auto cost = [&](const Arm& of) { return median_s(of) / k_hour_s * *price * k_starts; };
  std::string out = fmt::format(
      " {:g} {}s cost {:.2f} while GPUs wait, at {:.2f} an hour for all that one server holds "
      "(`--gpu-hour`)",
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

std::string uses_section(const Comparison& comparison, Notes* notes) {
  const bool anything = std::any_of(comparison.arms.begin(), comparison.arms.end(),
                                    [](const Arm& arm) { return arm.is_measured(); });
  if (!anything) return "";
  std::vector<std::string> about{about_budgets(comparison)};
  for (std::string& note : about_same_storage(comparison)) about.push_back(std::move(note));
  Table table = table_of({"use"}, {"budget" + notes->marks(about)});
  for (std::size_t i = 0; i < comparison.arms.size(); ++i) {
    table.columns.push_back(
        {name_of(comparison.arms[i]) + notes->marks(caveats_of(comparison, i))});
  }
  const std::vector<findings::LayersOfArm> layers = findings::layers_of(comparison);
  for (const Budget& budget : budgets_of(comparison)) {
    table.rows.push_back(
        {budget.use, fmt::format("{:g} s{}", budget.seconds, budget.by_user ? " (yours)" : "")});
    for (std::size_t i = 0; i < comparison.arms.size(); ++i) {
      const Arm& arm = comparison.arms[i];
      const bool fits = arm.is_measured() && median_s(arm) <= budget.seconds;
      table.rows.back().push_back(fit_of(comparison, arm, budget.seconds) +
                                  (fits ? deeper_layers_over(layers, i, budget.seconds) : ""));
    }
  }
  return markdown_table(table) + '\n';
}

std::string tolerance_section(const Comparison& comparison) {
  std::vector<std::string> sentences;
  for (const Arm& arm : comparison.arms) {
    if (!arm.is_measured() || median_s(arm) <= 0) continue;
    const double seconds = median_s(arm);
    const double a_day = std::floor(k_day_s * k_share_of_day / seconds);
    sentences.push_back(fmt::format(
        "{}: one {} an hour means {} downtime. {:g} s a day leave room for {}.{}", name_of(arm),
        start_word(comparison), percent(seconds / k_hour_s), k_day_s * k_share_of_day,
        a_day < 1 ? "none" : fmt::format("{:.0f}", a_day), price_of(comparison, arm)));
  }
  if (sentences.empty()) return "";
  return "## How often can it be tolerated\n\n" + bullets(sentences) +
         "\n864 s are 1 % of a day. That is coldload's example, not your limit.\n\n";
}

}  // namespace coldload::report
