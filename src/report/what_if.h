// What a start would take if its storage delivered another rate, or if more nodes started at once.
//
// Layer: report. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "report/terms.h"

namespace coldload::report {

// The same as a Markdown table, with what it rests on.
[[nodiscard]] std::string what_if_text(const Comparison& comparison, double rate_bytes_per_s);

// Of herds: what so many nodes would take, from the storage that was measured, or from one that
// gives `server_bytes_per_s` in all; and the model behind it, held against what was measured.
[[nodiscard]] std::string what_if_nodes_text(const Comparison& comparison, std::uint64_t nodes,
                                             std::optional<double> server_bytes_per_s);

}  // namespace coldload::report
