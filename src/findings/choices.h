// The ways to start that a comparison measured, and which of them are shown to pay: what
// recommendations are made of.
//
// Layer: findings. Pure functions.
#pragma once

#include <optional>
#include <vector>

#include "findings/budgets.h"
#include "findings/comparison.h"
#include "findings/staging.h"

namespace coldload::findings {

// The paths where models may lie that were measured, verified cold; neither copies made for the
// experiment nor other ways to start, and of several on the same storage the first. The fastest
// first.
[[nodiscard]] std::vector<const Arm*> paths_by_time(const Comparison& comparison);

// The uses whose budget the slowest start of a path is within, or over.
enum class Fit { within, over };
[[nodiscard]] std::vector<Budget> uses_of(const Comparison& comparison, const Arm& path, Fit fit);
// Where to serve from by the slowest starts: the fastest path that fits a use which the slowest
// path does not, else the fastest. Null where no path was measured, and where they hold different
// weights: then their times do not say which path is the better one.
[[nodiscard]] const Arm* chosen_path(const Comparison& comparison);

// Whether the runs show that two arms differ, or are few and lie far apart.
[[nodiscard]] bool differs(const Comparison& comparison, const Arm& a, const Arm& b);
// Whether they show that two arms differ, and the medians do not say which is the faster one.
[[nodiscard]] bool are_mixed(const Comparison& comparison, const Arm& a, const Arm& b);
// Whether they show that two arms do not differ by as much as a tenth of the slower one's time.
// Most pairs that do not differ are not level either: they have too few runs to tell.
[[nodiscard]] bool are_level(const Comparison& comparison, const Arm& a, const Arm& b);

[[nodiscard]] std::optional<Staging> staging_in(const Comparison& comparison);
// What the runs say of starts from the copy against those of `without`, beside what copying costs.
enum class Gain { shown, not_shown, loss_shown };
[[nodiscard]] Gain gain_of_copy(const Comparison& comparison, const Staging& staging,
                                const Arm& without);
// Whether starts from the copy are shown to be faster, and by some start of a node it has paid.
[[nodiscard]] bool staging_pays(const Comparison& comparison,
                                const std::optional<Staging>& staging);

// Whether that is not shown against reading ahead, but against plain starts it is, and medians
// speak for the copy: `coldload run --stage` then has both.
[[nodiscard]] bool copy_may_pay(const Comparison& comparison,
                                const std::optional<Staging>& staging);

// The same path started by `coldload run`; null where that was not measured.
[[nodiscard]] const Arm* prefetched(const Comparison& comparison, const Arm& path);
// The cold starts by `coldload run` in which nothing was read beside the server.
[[nodiscard]] std::vector<const records::Trial*> not_read_ahead(const Arm& arm);
// Whether reading a path ahead is shown to save something; not where some starts read nothing.
[[nodiscard]] bool prefetch_saves(const Comparison& comparison, const Arm& path);
// How starts from what was staged are best made without the copy: read ahead where that is shown to
// save, else plainly.
[[nodiscard]] const Arm& without_copy(const Comparison& comparison, const Staging& staging);

}  // namespace coldload::findings
