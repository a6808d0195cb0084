#include "records/contradiction.h"

#include <cmath>

#include <fmt/format.h>

#include "text/units.h"

namespace coldload::records {

std::string contradiction_in(const Record& record) {
  const bool was_ready = record.status == Status::ok || record.status == Status::not_cold;
  if (was_ready && !record.load_s) return "it got ready, and has no load_s";
  if (record.load_s && (!std::isfinite(*record.load_s) || *record.load_s < 0)) {
    return fmt::format("its load_s is {}", *record.load_s);
  }
  // What docs/cold.md promises of the word.
  if (record.cold != Cold::verified) return "";
  if (record.status != Status::ok) {
    return fmt::format("it is verified, and its status is {}", to_string(record.status));
  }
  if (!record.resident_bytes_before) return "it is verified, and nobody saw what was in memory";
  if (*record.resident_bytes_before > 0) {
    return fmt::format("it is verified, and {} of it were in memory before",
                       text::format_bytes(*record.resident_bytes_before));
  }
  if (record.storage_bytes_source.empty()) return "it is verified, and nothing counted its bytes";
  return "";
}

void distrust_contradiction(Record* record) {
  const std::string contradiction = contradiction_in(*record);
  if (contradiction.empty()) return;
  record->cold = Cold::unknown;
  if (record->status == Status::ok) record->status = Status::not_cold;
  record->reason = fmt::format("its record contradicts itself: {}{}{}", contradiction,
                               record->reason.empty() ? "" : "; ", record->reason);
}

}  // namespace coldload::records
