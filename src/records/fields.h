// The one list of what a trial's record holds: CSV columns, JSON keys and docs/csv.md follow it.
//
// Layer: records.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "records/record.h"
#include "text/json.h"

namespace coldload::records {

// The version of the record format. A reader refuses a newer one.
inline constexpr std::uint64_t k_schema = 1;

enum class In { json_only, csv_and_json };

struct Field {
  std::string_view key;
  In in;
  std::string_view kind;     // for docs/csv.md: "integer", "number", "text", ...
  std::string_view meaning;  // for docs/csv.md, Markdown
  text::json::value (*write)(const Record& record);
  // Sets the record's member from a value that is not null. Throws os::Error for the wrong kind;
  // the message starts with a verb ("is not text"). Null for what follows from other fields.
  void (*read)(text::json::value&& value, Record* record);
};

// In the order of the JSON keys, `schema` first.
[[nodiscard]] const std::vector<Field>& fields();

// The header of the CSV.
[[nodiscard]] std::vector<std::string> csv_columns();

// The lines of docs/csv.md's two tables: "| `key` | kind | meaning |".
[[nodiscard]] std::vector<std::string> documented_fields(In in);

}  // namespace coldload::records
