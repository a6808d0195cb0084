// What a loader alone takes from the same paths, beside what the server took for its weights.
#include <fmt/format.h>

#include "records/trial_figures.h"
#include "report/sections.h"
#include "report/wording.h"
#include "statistics/statistics.h"
#include "text/table.h"

namespace coldload::report {

namespace {

std::string weights_of(const Arm& arm) {
  std::vector<double> values;
  for (const records::Record* trial : arm.cold.trials) {
    const auto seconds = records::phase_seconds(*trial, "weights");
    if (!seconds) return "not told";
    values.push_back(*seconds);
  }
  return values.empty() ? "" : in_seconds(statistics::median(values));
}

}  // namespace

std::string native_section(const Comparison& comparison) {
  text::Table table{{{"path"},
                     {"coldload's own loader", text::Align::right},
                     {"the server's weights phase", text::Align::right},
                     {"launch to ready", text::Align::right}},
                    {}};
  for (const Arm& arm : comparison.arms) {
    // An arm that is read ahead has its path's figure, which says nothing of a phase in memory.
    if (!arm.native_load_s || !arm.is_measured() || !arm.facts.prefetch_of.empty()) continue;
    table.rows.push_back(
        {name_of(arm), with_runs(*arm.native_load_s), weights_of(arm), time_of(arm)});
  }
  if (table.rows.empty()) return "";
  return "## What a loader alone takes\n\n" + text::markdown_table(table) +
         "\nCold, medians, the same weights from the same path on a machine of the same CPU and "
         "GPU; "
         "the loader's own start is in its time. The rest of a server's start is no loading.\n\n";
}

}  // namespace coldload::report
