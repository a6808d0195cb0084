// Names and figures of a comparison as the report writes them; numbers alone are text/wording.h's.
//
// Layer: report. Pure functions; results are Markdown that fits into a line or a table cell.
#pragma once

#include <string>

#include "report/terms.h"
#include "statistics/statistics.h"
#include "text/wording.h"

namespace coldload::report {

using text::code_block;
using text::in_seconds;
using text::in_times;
using text::joined;
using text::longer_by;
using text::longer_than;
using text::p_text;
using text::percent;
using text::runs;
using text::sentence;
using text::signed_seconds;

// "20.6-22.9 s"
[[nodiscard]] inline std::string in_seconds(const statistics::Interval& interval) {
  return text::seconds_range(interval.low, interval.high);
}

// An arm's label, as code.
[[nodiscard]] std::string name_of(const Arm& arm);

// What a cold trial is of: "load" of weights alone, "start" of a server.
[[nodiscard]] std::string start_word(const Comparison& comparison);

// What to call a trial: "7", or "7 of `20261123T105550Z-5db3`" where numbers repeat.
[[nodiscard]] std::string run_name(const Comparison& comparison, const records::Record& trial);

}  // namespace coldload::report
