// The growing CSV and JSON Lines of an out directory: checked before anything runs, appended to
// under a lock, never rewritten.
//
// One trial is one line in both files or in neither. The JSON line is written and flushed first,
// then the CSV row; if that fails, both files are cut back. A process that dies between the two
// leaves a record without its row: the next one to open the directory writes the row, which
// follows from the record, or cuts off a line that was not written to its end.
//
// Layer: records. Knows nothing of how trials are run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "os/directory.h"
#include "os/fd.h"
#include "records/record.h"

namespace coldload::records {

inline constexpr const char* k_csv_name = "storage_layout_bench.csv";
inline constexpr const char* k_jsonl_name = "storage_layout_bench.jsonl";
inline constexpr const char* k_markdown_name = "storage_layout_bench.md";

class Results {
 public:
  // Creates the directory and the files where they are missing, and checks what is there. Throws
  // os::Error, and leaves the files as they are, for a directory that cannot be written, a CSV
  // with another header or a cut last line, and files that disagree.
  explicit Results(const std::string& directory);

  // Numbers the record (one past the largest run_id, also of rows that another process has added)
  // and appends it. Throws os::Error with neither file changed, for a full disk for instance.
  void append(Record& record);

  // Where the trials' logs go, too: the directory itself, whatever its path leads to meanwhile.
  [[nodiscard]] const os::Directory& directory() const { return out_; }
  [[nodiscard]] const std::string& csv_path() const { return csv_.path(); }
  [[nodiscard]] const std::string& jsonl_path() const { return jsonl_.path(); }
  [[nodiscard]] const std::string& markdown_path() const { return markdown_path_; }

  // Rows that the CSV had and that have no record, from another tool for instance. They stay; a
  // report, which is written from the records alone, does not know them.
  [[nodiscard]] std::uint64_t rows_without_records() const { return rows_without_records_; }

  // What was mended on opening, in sentences; usually nothing.
  [[nodiscard]] const std::vector<std::string>& mended() const { return mended_; }

 private:
  void check_header_or_write_it();
  // Their ids.
  std::vector<std::string> read_new_rows();
  void match_records(const std::vector<std::string>& row_ids);
  void mend_missing_row(const std::string& line);

  const os::Directory out_;
  os::Fd csv_;
  os::Fd jsonl_;
  std::string markdown_path_;
  std::uint64_t csv_bytes_read_ = 0;  // up to here the rows are known
  std::uint64_t last_run_id_ = 0;
  std::uint64_t rows_without_records_ = 0;
  std::vector<std::string> mended_;
};

}  // namespace coldload::records
