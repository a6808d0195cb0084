// The report's sections: each a pure function from a comparison to Markdown, empty where it has
// nothing to say. Text from outside (labels, paths, reasons) is escaped.
//
// Layer: report. Measures nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/notes.h"
#include "report/terms.h"

namespace coldload::report {

// The first screen; what is marked on it goes to `notes`.
//
// What the answer is, a sentence or two each.
[[nodiscard]] std::vector<std::string> answers_of(const Comparison& comparison, Notes* notes);
// Of several commands, likewise: which starts fastest from each path. `notes`: null where there is
// no place for any.
[[nodiscard]] std::vector<std::string> answers_about_ways(const Comparison& comparison,
                                                          Notes* notes);
// Where more than the weights was cold in some runs: what each layer adds, a path each, of several
// commands with the first.
[[nodiscard]] std::vector<std::string> answers_about_layers(const Comparison& comparison);
// Where nodes started at once, likewise: how long until all are ready, and what the storage gives.
// `notes`: as above.
[[nodiscard]] std::vector<std::string> answers_about_herds(const Comparison& comparison,
                                                           Notes* notes);
// The same for a title: "2.24 s on one node, 4.39 s on 4 nodes at once"; empty where there are
// none.
[[nodiscard]] std::string herds_in_short(const Comparison& comparison);
// How many trials of which sizes: "9 verified cold herds of 1, 2 and 4 nodes"; likewise.
[[nodiscard]] std::string count_of_herds(const Comparison& comparison);
// What was started on what, how often and when: one line.
[[nodiscard]] std::string setting_line(const std::vector<Comparison>& comparisons, Notes* notes);
// What each use can wait for, and what fits that.
[[nodiscard]] std::string uses_section(const Comparison& comparison, Notes* notes);

// What a reader of an arm's figures must know: that it is a stand-in, that its name misleads, what
// way to start it is, that some of its starts compiled. Empty where there is nothing.
[[nodiscard]] std::vector<std::string> caveats_of(const Comparison& comparison, std::size_t arm);
// That trials are not verified cold; empty where they are.
[[nodiscard]] std::string caveat_of_cold(const Comparison& comparison);
// Of paths called nvme that lie on something else.
[[nodiscard]] std::vector<std::string> names_that_mislead(const Comparison& comparison);
// How the first one's server ran, where another way takes another time: flags that coldload added,
// caches that were not cold, nothing compiled, and what starts took that compiled.
[[nodiscard]] std::vector<std::string> server_notes(const std::vector<Comparison>& comparisons);

// Each begins with its "## " heading and ends with an empty line.
[[nodiscard]] std::string paths_section(const Comparison& comparison);
// `picture`: Markdown that shows the phases, or nothing.
[[nodiscard]] std::string time_section(const Comparison& comparison, const std::string& picture);
[[nodiscard]] std::string native_section(const Comparison& comparison);
[[nodiscard]] std::string tolerance_section(const Comparison& comparison);
[[nodiscard]] std::string staging_section(const Comparison& comparison);
[[nodiscard]] std::string ways_section(const Comparison& measured);
// `picture`: Markdown that shows the layers, or nothing.
[[nodiscard]] std::string layers_section(const Comparison& comparison, const std::string& picture);
// `picture`: Markdown that shows the herds, or nothing.
[[nodiscard]] std::string herd_section(const Comparison& comparison, const std::string& picture);
[[nodiscard]] std::string prefetch_section(const Comparison& comparison);
[[nodiscard]] std::string expectation_section(const Comparison& comparison);
[[nodiscard]] std::string baseline_section(const Comparison& comparison);
[[nodiscard]] std::string placeholder_section(const Comparison& comparison);
[[nodiscard]] std::string doubt_section(const Comparison& comparison);
// What differed between the paths besides the storage, or could have: a sentence each, for
// doubt_section.
[[nodiscard]] std::vector<std::string> confounds_of(const Comparison& comparison);
// `of_several`: there are other comparisons in the records.
[[nodiscard]] std::string trials_section(const Comparison& comparison, bool of_several);
[[nodiscard]] std::string setting_section(const Comparison& comparison);
// How to make it again.
[[nodiscard]] std::string repeat_section(const Comparison& comparison);
// Of all in the records: the same paths at other times, and what else there is.
[[nodiscard]] std::string before_and_after_section(const std::vector<Comparison>& comparisons);
[[nodiscard]] std::string others_section(const std::vector<Comparison>& comparisons);

}  // namespace coldload::report
