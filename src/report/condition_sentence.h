// What a condition found, in words.
//
// Layer: report. Pure function; plain text.
#pragma once

#include <string>

#include "findings/condition.h"

namespace coldload::report {

// "ratio.net is 2.61, above 2"
[[nodiscard]] std::string condition_sentence(const findings::Condition& condition,
                                             const findings::Examined& examined);

}  // namespace coldload::report
