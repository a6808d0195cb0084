// What a comparison is about.
//
// Layer: findings. Pure functions.
#pragma once

#include "findings/comparison.h"

namespace coldload::findings {

// Whether the two arms are known to be the same storage (and neither is a stand-in): then a ratio
// says nothing about storage.
[[nodiscard]] bool are_same_storage(const Comparison& comparison, const Arm& a, const Arm& b);

[[nodiscard]] bool are_same_storage(const Comparison& comparison, const Contrast& contrast);

// Whether that holds for all that was compared: no advice on paths follows from it.
[[nodiscard]] bool is_about_one_storage(const Comparison& comparison);

// Whether the target is coldload's own loader: no server starts, so times are for loading alone.
[[nodiscard]] bool loads_only(const Comparison& comparison);

// Whether every usable trial was verified to be cold.
[[nodiscard]] bool all_verified(const Comparison& comparison);

// The contrast that matters most: the first of two paths with figures, of different storage where
// there is such a one. Null where there is none.
[[nodiscard]] const Contrast* main_contrast(const Comparison& comparison);

}  // namespace coldload::findings
