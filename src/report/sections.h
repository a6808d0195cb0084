// The report's sections: each a pure function from a comparison to Markdown, empty where it has
// nothing to say. Text from outside (labels, paths, reasons) is escaped.
//
// Layer: report. Measures nothing.
#pragma once

#include <string>
#include <vector>

#include "report/terms.h"

namespace coldload::report {

// The first sentences: what the answer is and how sure. A paragraph each.
[[nodiscard]] std::vector<std::string> answers_of(const Comparison& comparison);
// What they must not leave out of stand-ins, of misleading names and of trials that are not
// verified cold; and the part of it on paths called nvme that lie on something else.
[[nodiscard]] std::vector<std::string> caveats_of(const Comparison& comparison);
[[nodiscard]] std::vector<std::string> names_that_mislead(const Comparison& comparison);

// Each begins with its "## " heading and ends with an empty line.
[[nodiscard]] std::string uses_section(const Comparison& comparison);  // without heading
[[nodiscard]] std::string paths_section(const Comparison& comparison);
// `picture`: Markdown that shows the phases, or nothing.
[[nodiscard]] std::string time_section(const Comparison& comparison, const std::string& picture);
[[nodiscard]] std::string native_section(const Comparison& comparison);
[[nodiscard]] std::string tolerance_section(const Comparison& comparison);
[[nodiscard]] std::string staging_section(const Comparison& comparison);
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
[[nodiscard]] std::string others_section(const std::vector<Comparison>& comparisons);

// One paragraph on how the first one's server ran, where another way takes another time: flags that
// coldload added, caches that were not cold, nothing compiled, and what starts took that compiled.
[[nodiscard]] std::string server_note(const std::vector<Comparison>& comparisons);

}  // namespace coldload::report
