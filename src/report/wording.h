// How the report writes a comparison: names, figures, lists; what text/ has for that is here by the
// same names.
//
// Layer: report. Pure functions; results are Markdown that fits into a line or a table cell.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "findings/herd.h"
#include "report/terms.h"
#include "statistics/statistics.h"
#include "text/escape.h"
#include "text/json.h"
#include "text/table.h"
#include "text/units.h"
#include "text/wording.h"

namespace coldload::report {

using text::code_block;
using text::format_bytes;
using text::format_rate;
using text::in_seconds;
using text::in_times;
using text::joined;
using text::longer_by;
using text::longer_than;
using text::markdown_code;
using text::markdown_table;
using text::markdown_text;
using text::p_text;
using text::percent;
using text::runs;
using text::sentence;
using text::signed_seconds;
using text::Table;

// "20.6-22.9 s"
[[nodiscard]] inline std::string in_seconds(const statistics::Interval& interval) {
  return text::seconds_range(interval.low, interval.high);
}

// "1.97 to 2.13"; one of them where they read the same.
[[nodiscard]] std::string range_text(const std::string& low, const std::string& high);

// "`a`, `b` and `c`"
[[nodiscard]] std::string joined_code(std::vector<std::string> words);

// A Markdown list, an item of it per line.
[[nodiscard]] std::string bullets(const std::vector<std::string>& lines);

// Appends what is not among `words` yet.
void add_once(std::string_view word, std::vector<std::string>* words);

// " (95 % interval 1.25 to 1.64)"; empty without one.
[[nodiscard]] std::string interval_note(const std::optional<statistics::Interval>& ratios);

// An arm's label, as code.
[[nodiscard]] std::string name_of(const Arm& arm);
// The same of herds from it: "`net`", "`net` with 4 servers on each node".
[[nodiscard]] std::string name_of(const Comparison& comparison, const findings::HerdOfArm& herd);

// "a holds 1.05 GB of weights, b holds 2.10 GB"; where sizes do not tell it, what else differs.
// `first` and `second`: the arms as they are to be called.
[[nodiscard]] std::string different_weights_text(const std::string& first,
                                                 const findings::Weights& of_first,
                                                 const std::string& second,
                                                 const findings::Weights& of_second);
// The same of a comparison's arms.
[[nodiscard]] std::string text_of(const DifferentWeights& different);

// Whether an arm is a stand-in's path as it is, not a way to start from one.
[[nodiscard]] bool is_stand_in(const Arm& arm);

// The median of a measured arm's cold trials; time_of: "62.4 s".
[[nodiscard]] inline double median_s(const Arm& arm) { return arm.cold.load_s->median; }
[[nodiscard]] inline std::string time_of(const Arm& arm) { return in_seconds(median_s(arm)); }

// Of what kind starts are that begin so cold: "on a node that has just come up"; empty for those
// with the weights alone cold, which need no word.
[[nodiscard]] std::string_view kind_of_start(records::Layer layer);
// The path of that label, with the kind of its starts.
[[nodiscard]] std::string starts_from(std::string_view path, records::Layer layer);

// "no cold run"; where all of a start was cold in some runs, what was not made is said so.
[[nodiscard]] std::string no_cold_run(const Comparison& comparison);

// "`nvme_warm` 0.18 s and `nvme_node` 0.31 s, no cold run": of arms of which no cold trial was
// made; of herds what those took.
[[nodiscard]] std::string measured_instead_of_cold(const Comparison& comparison);

// A value of the records: a text as it is, anything else as JSON.
[[nodiscard]] std::string value_text(const text::json::value& value);

// A table without a row: columns of words, of figures, which stand to the right, and of words
// again.
[[nodiscard]] Table table_of(const std::vector<std::string>& words,
                             const std::vector<std::string>& figures,
                             const std::vector<std::string>& more_words = {});
// Its cells: empty for what is not known.
[[nodiscard]] std::string seconds_cell(std::optional<double> seconds);
[[nodiscard]] std::string times_cell(std::optional<double> ratio);
[[nodiscard]] std::string rate_cell(std::optional<double> bytes_per_s);

// "62.4 s (5 runs)": the median, and of how many.
[[nodiscard]] std::string with_runs(const statistics::Summary& load);

// What a cold trial is of: "load" of weights alone, "start" of a server.
[[nodiscard]] std::string start_word(const Comparison& comparison);

// What to call a trial: "7", or "7 of `20261123T105550Z-5db3`" where numbers repeat.
[[nodiscard]] std::string run_name(const Comparison& comparison, const records::Trial& trial);

}  // namespace coldload::report
