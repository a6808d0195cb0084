#include "records/csv_row.h"

#include <cmath>

#include <fmt/format.h>

#include "records/fields.h"
#include "records/notes.h"
#include "text/csv.h"
#include "text/escape.h"
#include "text/notes.h"

namespace coldload::records {

std::string csv_row_of(const Record& record) {
  const bool loaded = record.status == Status::ok && record.load_s.has_value();
  return text::csv_row({
      fmt::format("{}", record.run_id),
      text::valid_utf8(record.storage_mode),
      text::valid_utf8(record.model),
      record.max_model_len ? fmt::format("{}", *record.max_model_len) : "",
      loaded ? fmt::format("{:.3f}", *record.load_s) : "",
      record.gpu_mem_used_mb ? fmt::format("{}", std::llround(*record.gpu_mem_used_mb)) : "",
      text::format_notes(notes_of(record)),
  });
}

std::string csv_header() { return text::csv_row(csv_columns()); }

}  // namespace coldload::records
