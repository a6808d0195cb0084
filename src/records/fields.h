// The one list of what a trial's record holds: CSV columns, JSON keys and docs/csv.md follow it.
//
// Layer: records. Knows nothing of how anything is measured or worded.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "records/json_members.h"
#include "records/record.h"

namespace coldload::records {

// The version of the record format. A reader refuses a newer one.
inline constexpr std::uint64_t k_schema = 2;

enum class In { json_only, csv_and_json };

struct Field {
  Member<Record> member;
  std::string_view kind;     // for docs/csv.md: "integer", "number", "text", ...
  std::string_view meaning;  // for docs/csv.md, Markdown
  In in = In::json_only;
};

// In the order of the JSON keys, `schema` first.
[[nodiscard]] const std::vector<Field>& fields();
// The last of them: what is the same for every trial of one experiment. Its id is the first.
[[nodiscard]] std::span<const Field> experiment_fields();

}  // namespace coldload::records
