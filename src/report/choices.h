// The ways to start that a comparison measured, and which of them are shown to pay: what
// recommendations are made of.
//
// Layer: report. Pure functions.
#pragma once

#include <optional>
#include <vector>

#include "report/comparison.h"
#include "report/staging.h"

namespace coldload::report {

// The paths where models may lie that were measured, verified cold; neither copies made for the
// experiment nor other ways to start. The fastest first.
[[nodiscard]] std::vector<const Arm*> paths_by_time(const Comparison& comparison);

// Whether the runs show that two arms differ, or lie further apart than either scatters.
[[nodiscard]] bool differs(const Comparison& comparison, const Arm& a, const Arm& b);
// Whether they show that two arms do not differ by as much as a tenth of the slower one's time.
// Most pairs that do not differ are not level either: they have too few runs to tell.
[[nodiscard]] bool are_level(const Comparison& comparison, const Arm& a, const Arm& b);

[[nodiscard]] std::optional<Staging> staging_in(const Comparison& comparison);
// Whether starts from the copy are shown to be faster, and by some start of a node it has paid.
[[nodiscard]] bool staging_pays(const Comparison& comparison,
                                const std::optional<Staging>& staging);

// Whether that is not shown against reading ahead, but against plain starts it is, and medians
// speak for the copy: `coldload run --stage` then has both.
[[nodiscard]] bool copy_may_pay(const Comparison& comparison,
                                const std::optional<Staging>& staging);

// The same path started by `coldload run`; null where that was not measured.
[[nodiscard]] const Arm* prefetched(const Comparison& comparison, const Arm& path);
// Whether reading a path ahead is shown to save something.
[[nodiscard]] bool prefetch_saves(const Comparison& comparison, const Arm& path);
// How starts from what was staged are best made without the copy: read ahead where that is shown to
// save, else plainly.
[[nodiscard]] const Arm& without_copy(const Comparison& comparison, const Staging& staging);

}  // namespace coldload::report
