#include "records/results.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file_id.h"
#include "os/file_lock.h"
#include "os/output_place.h"
#include "records/csv_row.h"
#include "records/json_lines.h"
#include "text/byte_order_mark.h"
#include "text/csv.h"
#include "text/escape.h"

namespace coldload::records {

namespace {

// Larger numbers are somebody else's identities; one past them would not be a number for all tools.
constexpr std::uint64_t k_largest_run_id = 1'000'000'000'000'000;

constexpr const char* k_use_another = "use another --out directory, or move the files away";

// Holds the lock that every coldload takes on the CSV while it looks at the files or appends.
class Lock {
 public:
  explicit Lock(const os::Fd& file) : file_(file) { os::lock_within(file); }
  ~Lock() { os::unlock(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const os::Fd& file_;
};

os::Fd open_for_appending(const os::Directory& out, const char* name) {
  const os::OutputPlace place = os::output_place(out, name);
  // O_NONBLOCK: a FIFO in its place must not hang us.
  os::Fd file =
      place.directory.open_file(place.name, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK, 0644);
  if (!S_ISREG(os::file_status(file).st_mode)) {
    throw os::Error(fmt::format("cannot append to {}: it is not a regular file", file.path()));
  }
  return file;
}

os::Directory create_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw os::SystemError("create the directory", path, error.value());
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    throw os::SystemError("write to the directory", path, errno);
  }
  return os::output_directory(path);
}

void flush(const os::Fd& file) {
  while (::fsync(file.get()) != 0) {
    if (errno != EINTR) throw os::SystemError("flush", file.path(), errno);
  }
}

void cut_back(const os::Fd& file, std::uint64_t bytes) {
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    throw os::SystemError("cut back", file.path(), errno);
  }
}

// Appends in one write and flushes; on failure the file is as long as before.
void append_whole(const os::Fd& file, const std::string& text) {
  const std::uint64_t bytes_before = os::file_size(file);
  try {
    os::write_full(file, text);
    flush(file);
  } catch (...) {
    cut_back(file, bytes_before);
    throw;
  }
}

std::string bytes_from(const os::Fd& file, std::uint64_t offset) {
  const std::uint64_t size = os::file_size(file);
  std::string text(size > offset ? static_cast<std::size_t>(size - offset) : 0, '\0');
  const auto buffer = std::as_writable_bytes(std::span(text.data(), text.size()));
  text.resize(os::pread_full(file, buffer, offset));
  return text;
}

std::optional<std::uint64_t> run_id_of(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id > k_largest_run_id) {
    return std::nullopt;
  }
  return id;
}

// Somebody may have deleted or replaced the file while trials ran: rows would go nowhere.
void check_still_there(const os::Fd& file) {
  if (os::file_id(file) != os::file_id(file.path())) {
    throw os::Error(fmt::format(
        "cannot append to {}: the file was moved, removed or replaced while coldload ran",
        file.path()));
  }
}

}  // namespace

Results::Results(const std::string& directory) : out_(create_directory(directory)) {
  markdown_path_ = out_.path_of(k_markdown_name);
  csv_ = open_for_appending(out_, k_csv_name);
  const Lock lock(csv_);
  check_header_or_write_it();
  jsonl_ = open_for_appending(out_, k_jsonl_name);
  match_records(read_new_rows());
  out_.flush();
}

void Results::check_header_or_write_it() {
  const std::string header = csv_header();
  if (os::file_size(csv_) == 0) {
    const os::OutputPlace jsonl = os::output_place(out_, k_jsonl_name);
    const auto info = jsonl.directory.look(jsonl.name);
    if (info && info->st_size > 0) {
      throw os::Error(
          fmt::format("{} holds records, but {} is empty or was not there: every record has a row "
                      "there; {}",
                      out_.path_of(k_jsonl_name), csv_.path(), k_use_another));
    }
    append_whole(csv_, header);
  }
  const std::string first = bytes_from(csv_, 0).substr(0, header.size());
  if (first == header) {
    csv_bytes_read_ = header.size();
    return;
  }
  const std::string line = first.substr(0, first.find('\n'));
  const std::string expected = header.substr(0, header.size() - 1);
  const char* cause = line == expected + '\r'                     ? " (with CRLF line ends)"
                      : line.starts_with(text::k_byte_order_mark) ? " (with a byte order mark)"
                                                                  : "";
  throw os::Error(fmt::format("cannot append to {}: its header is {}{}, not {}; {}", csv_.path(),
                              text::quoted(line), cause, text::quoted(expected), k_use_another));
}

std::vector<std::string> Results::read_new_rows() {
  const std::string text = bytes_from(csv_, csv_bytes_read_);
  if (text.empty()) return {};
  if (text.back() != '\n') {
    throw os::Error(
        fmt::format("cannot append to {}: its last line has no line end, so a row would be glued "
                    "to it; if the line is whole, end it (echo >> FILE), if it is cut, remove it",
                    csv_.path()));
  }
  std::string error;
  // The header goes along, so that rows are held against its number of fields.
  const auto rows = text::parse_csv(csv_header() + text, &error);
  if (!rows) {
    throw os::Error(fmt::format(
        "cannot append to {}: {}; {}", csv_.path(),
        csv_bytes_read_ == csv_header().size() ? error : "a new row: " + error, k_use_another));
  }
  std::vector<std::string> ids;
  for (auto row = rows->begin() + 1; row != rows->end(); ++row) {
    ids.push_back(row->fields[0]);
    last_run_id_ = std::max(last_run_id_, run_id_of(row->fields[0]).value_or(0));
  }
  csv_bytes_read_ += text.size();
  return ids;
}

void Results::match_records(const std::vector<std::string>& row_ids) {
  std::vector<std::string> record_ids;
  std::string last_line;
  const std::uint64_t cut_bytes =
      for_each_line(jsonl_, [&](std::string_view line, std::uint64_t number) {
        try {
          record_ids.push_back(fmt::format("{}", record_of_line(line).run_id));
        } catch (const os::Error& problem) {
          throw os::Error(fmt::format("cannot append to {}: line {}: {}; {}", jsonl_.path(), number,
                                      problem.what(), k_use_another));
        }
        last_line = line;
      });

  // Rows of another tool come first; from then on, row and record go in step.
  const bool last_row_missing =
      !record_ids.empty() && (row_ids.empty() || record_ids.back() != row_ids.back());
  const std::size_t rows_wanted = record_ids.size() - (last_row_missing ? 1 : 0);
  const bool in_step =
      rows_wanted <= row_ids.size() &&
      std::equal(record_ids.begin(), record_ids.begin() + static_cast<std::ptrdiff_t>(rows_wanted),
                 row_ids.end() - static_cast<std::ptrdiff_t>(rows_wanted));
  if (!in_step) {
    throw os::Error(
        fmt::format("{} has {} rows and {} has {} records, and they do not belong together (every "
                    "record is one "
                    "row, in the same order): a file was edited, or half of a pair was copied; {}",
                    csv_.path(), row_ids.size(), jsonl_.path(), record_ids.size(), k_use_another));
  }
  rows_without_records_ = row_ids.size() - rows_wanted;
  if (cut_bytes > 0) {
    cut_back(jsonl_, os::file_size(jsonl_) - cut_bytes);
    flush(jsonl_);
    mended_.push_back(fmt::format(
        "{}: a last line that was not written to its end is removed ({} bytes); no row of {} "
        "belongs to it",
        jsonl_.path(), cut_bytes, k_csv_name));
  }
  if (last_row_missing) mend_missing_row(last_line);
}

void Results::mend_missing_row(const std::string& line) {
  const Record record = record_of_line(line);
  if (record.run_id <= last_run_id_) {
    throw os::Error(fmt::format("{} ends with run_id {}, which {} does not end with; {}",
                                jsonl_.path(), record.run_id, csv_.path(), k_use_another));
  }
  const std::string row = csv_row_of(record);
  append_whole(csv_, row);
  csv_bytes_read_ += row.size();
  last_run_id_ = record.run_id;
  mended_.push_back(
      fmt::format("{}: run_id {} was in {} only, as a crash between the two leaves it; its row is "
                  "written now",
                  csv_.path(), record.run_id, k_jsonl_name));
}

void Results::append(Record& record) {
  const Lock lock(csv_);
  check_still_there(csv_);
  check_still_there(jsonl_);
  read_new_rows();
  record.run_id = last_run_id_ + 1;

  const std::string line = json_line_of(record);
  const std::string row = csv_row_of(record);
  const std::uint64_t jsonl_bytes_before = os::file_size(jsonl_);
  try {
    append_whole(jsonl_, line);
    append_whole(csv_, row);
  } catch (const os::Error& problem) {
    record.run_id = 0;
    if (os::file_size(jsonl_) != jsonl_bytes_before) cut_back(jsonl_, jsonl_bytes_before);
    throw os::Error(
        fmt::format("the trial of {} is not recorded: {}", record.storage_mode, problem.what()));
  }
  csv_bytes_read_ += row.size();
  last_run_id_ = record.run_id;
}

}  // namespace coldload::records
