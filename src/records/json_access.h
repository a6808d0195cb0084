// Record members to JSON and back: strict about kinds, deterministic about numbers.
//
// Layer: records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "records/record.h"
#include "text/json.h"

namespace coldload::records {

namespace json = text::json;

// Writing. Text that is not UTF-8 gets U+FFFD; an empty text is null. Numbers are rounded to 15
// significant digits: those are read back exactly.
[[nodiscard]] json::value text_value(std::string_view text);
[[nodiscard]] json::value number_value(std::optional<double> number);
[[nodiscard]] json::value count_value(std::optional<std::uint64_t> count);
[[nodiscard]] json::value texts_value(const std::vector<std::string>& texts);
[[nodiscard]] json::value clean_value(const json::value& value);  // the same, at every depth
[[nodiscard]] json::value phases_value(const std::vector<Phase>& phases);
[[nodiscard]] json::value arms_value(const std::vector<ArmFacts>& arms);
[[nodiscard]] json::value baseline_value(const std::vector<BaselineFigure>& figures);

// Reading. Each throws os::Error ("is not ...") for another kind; the caller adds key and line.
// Numbers must be finite and not negative.
[[nodiscard]] std::string read_text(const json::value& value);
[[nodiscard]] double read_number(const json::value& value);
[[nodiscard]] std::uint64_t read_count(const json::value& value);
[[nodiscard]] bool read_truth(const json::value& value);
[[nodiscard]] std::vector<std::string> read_texts(const json::value& value);
[[nodiscard]] std::vector<Phase> read_phases(const json::value& value);
[[nodiscard]] std::vector<ArmFacts> read_arms(const json::value& value);
[[nodiscard]] std::vector<BaselineFigure> read_baseline(const json::value& value);
[[nodiscard]] json::object read_object(json::value&& value);
[[nodiscard]] json::array read_array(json::value&& value);

}  // namespace coldload::records
