// Whether copying to faster storage first pays, and from which start on.
#include <cmath>

#include <fmt/format.h>

#include "report/claims.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

namespace {

std::string measured_table(const Staging& staging) {
  Table table = table_of({"step"}, {"median", "runs"});
  const std::string source = name_of(*staging.source);
  const auto row = [&](const std::string& step, double seconds, std::size_t n) {
    table.rows.push_back({step, in_seconds(seconds), fmt::format("{}", n)});
  };
  row("copy from " + source + ", until it is durable", staging.copy_s, staging.copies_s.size());
  row("start straight after the copy", staging.first_s, staging.first_n);
  row("start from the copy, evicted", staging.later_s, staging.staged->cold.values_s.size());
  if (staging.staged->warm.load_s) {
    row("start from the copy, in memory", staging.staged->warm.load_s->median,
        staging.staged->warm.values_s.size());
  }
  row("start from " + source, staging.source_s, staging.source->cold.values_s.size());
  return markdown_table(table) + "\n";
}

std::string starts_table(const Staging& staging) {
  Table table = table_of({"starts of one node"}, {"from " + name_of(*staging.source),
                                                  "copy once, then from it", "staging saves"});
  for (const unsigned starts : {1U, 2U, 5U, 20U, 100U}) {
    const double without = staging.without(starts);
    const double with = staging.with(starts);
    table.rows.push_back({fmt::format("{}", starts), in_seconds(without), in_seconds(with),
                          signed_seconds(without - with)});
  }
  return markdown_table(table) + "\n";
}

std::string daily_table(const Staging& staging) {
  Table table = table_of({"starts a day on one node"}, {"saved a day", "the copy has paid after"});
  const double saved_s = staging.source_s - staging.later_s;
  const auto pays_at = staging.break_even();
  if (!pays_at || saved_s <= 0) return "";
  for (const unsigned a_day : {1U, 4U, 24U, 96U}) {
    const double days = static_cast<double>(*pays_at) / a_day;
    table.rows.push_back(
        {fmt::format("{}", a_day), in_seconds(saved_s * a_day),
         days <= 1 ? "the first day" : fmt::format("{:.0f} days", std::ceil(days))});
  }
  return markdown_table(table) + "\n";
}

// When it pays where a start without the copy takes `each_s`, in words; empty where it never does.
std::string when_it_pays(const Staging& staging, double each_s) {
  const auto pays_at = staging.break_even_against(each_s);
  if (!pays_at) return "";
  if (*pays_at > 1) return fmt::format("pays from start {} of a node on", *pays_at);
  return staging.later_s < each_s ? "pays at once" : "pays for a node's first start alone";
}

// The copy against reading ahead, where that is the better way without one.
std::string against_reading_ahead(const Comparison& comparison, const Staging& staging) {
  const Arm& ahead = without_copy(comparison, staging);
  if (&ahead == staging.source) return "";
  const double ahead_s = median_s(ahead);
  const std::string when = when_it_pays(staging, ahead_s);
  const bool shown = gain_of_copy(comparison, staging, ahead) != Gain::not_shown;
  return fmt::format(" Starts from {} by `coldload run` take {} ({}). Against those the copy {}{}.",
                     name_of(*staging.source), in_seconds(ahead_s), runs(ahead.cold.load_s->n),
                     when.empty() ? "does not pay" : when,
                     shown ? "" : ", if these medians hold: the runs do not tell them from chance");
}

std::string figures(const Staging& staging) {
  const std::string source = name_of(*staging.source);
  if (staging.break_even() != 1) {
    return fmt::format(
        "the copy takes {} once. A start then takes {} from the copy and {} from {}. A node that "
        "starts only once is ready {} later with the copy.",
        in_seconds(staging.copy_s), in_seconds(staging.later_s), in_seconds(staging.source_s),
        source, in_seconds(staging.with(1) - staging.without(1)));
  }
  return fmt::format(
      "the copy takes {} and the start after it {}. Together that is less than the {} of a start "
      "from {}.{}",
      in_seconds(staging.copy_s), in_seconds(staging.first_s), in_seconds(staging.source_s), source,
      staging.later_s < staging.source_s
          ? ""
          : fmt::format(" But a later start from the copy takes {}.", in_seconds(staging.later_s)));
}

std::string answer(const Comparison& comparison, const Staging& staging) {
  const bool open = gain_of_copy(comparison, staging, *staging.source) == Gain::not_shown;
  std::string claim = when_it_pays(staging, staging.source_s);
  if (claim.empty()) {
    claim = open ? "No gain by staging is shown" : "Staging does not pay";
  } else {
    claim = (open ? "If these medians hold, staging " : "Staging ") + claim;
  }
  return fmt::format("**{}:** {}{}\n\n", claim, figures(staging),
                     how_sure_of_copy(staging) + against_reading_ahead(comparison, staging));
}

}  // namespace

std::string staging_section(const Comparison& comparison) {
  std::string out;
  for (const Arm& arm : comparison.arms) {
    const auto staging = staging_of(comparison, arm);
    if (!staging) continue;
    out += answer(comparison, *staging) + measured_table(*staging);
    out += "From these medians (derived):\n\n" + starts_table(*staging) + daily_table(*staging);
  }
  return out.empty() ? "" : "## Stage to local storage first?\n\n" + out;
}

}  // namespace coldload::report
