// The `notes` column: `key=value` pairs joined by "; ".
//
// `;`, `=`, `%`, bytes that are not UTF-8 and what could steer a terminal (text/escape) are
// percent-encoded, so that the text splits at "; " and at the first "=", whatever is in a value.
//
// Layer: text. Pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace coldload::text {

using Notes = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] std::string format_notes(const Notes& notes);

}  // namespace coldload::text
