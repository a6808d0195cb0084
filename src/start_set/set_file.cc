#include "start_set/set_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>

#include <boost/describe/enum_from_string.hpp>
#include <fmt/format.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/path.h"
#include "start_set/learner.h"
#include "text/escape.h"
#include "text/json.h"

namespace coldload::start_set {

namespace {

constexpr std::string_view k_version_key = "coldload_start_set";
constexpr std::uint64_t k_version = 1;
constexpr std::size_t k_longest_path = 4096;
constexpr std::uint64_t k_largest_file = std::numeric_limits<std::int64_t>::max();

// A request more costs as much as these bytes, at 200 MB/s and half a millisecond.
constexpr std::uint64_t k_gap_bytes = 64 << 10;

std::vector<Range> with_gaps_closed(const std::vector<Range>& ranges) {
  std::vector<Range> closed;
  for (const Range& range : ranges) {
    const bool is_near =
        !closed.empty() && range.offset - closed.back().offset <= closed.back().bytes + k_gap_bytes;
    if (is_near) {
      closed.back().bytes = range.offset + range.bytes - closed.back().offset;
    } else {
      closed.push_back(range);
    }
  }
  return closed;
}

text::json::object to_json(const StartFile& file) {
  text::json::array ranges;
  for (const Range& range : with_gaps_closed(file.in_memory)) {
    ranges.push_back(text::json::array{range.offset, range.bytes});
  }
  return {{"path", file.path},
          {"group", to_string(file.group)},
          {"size", file.bytes},
          {"mtime_ns", file.changed_ns},
          {"ranges", std::move(ranges)}};
}

// Whether it is absolute, has no part that leads elsewhere, and lies where files are.
bool is_plain(const std::string& path) {
  constexpr std::array<std::string_view, 3> k_not_storage{"/proc", "/sys", "/dev"};
  const auto holds = [&path](std::string_view part) {
    return path.find(part) != std::string::npos;
  };
  const auto is_in = [&path](std::string_view folder) { return os::is_below(path, folder); };
  return path.size() > 1 && path.size() < k_longest_path && path.front() == '/' &&
         path.find('\0') == std::string::npos && !holds("//") && !holds("/./") && !holds("/../") &&
         !path.ends_with("/") && !path.ends_with("/.") && !path.ends_with("/..") &&
         std::none_of(k_not_storage.begin(), k_not_storage.end(), is_in);
}

std::optional<std::uint64_t> unsigned_in(const text::json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) {
    return static_cast<std::uint64_t>(value.get_int64());
  }
  return std::nullopt;
}

// Nothing unless they are in order and within the file.
std::optional<std::vector<Range>> ranges_in(const text::json::object& object, std::uint64_t size) {
  const text::json::value* const list = object.if_contains("ranges");
  if (list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<Range> ranges;
  std::uint64_t end = 0;
  for (const text::json::value& pair : list->get_array()) {
    if (!pair.is_array() || pair.get_array().size() != 2) return std::nullopt;
    const auto offset = unsigned_in(pair.get_array()[0]);
    const auto bytes = unsigned_in(pair.get_array()[1]);
    if (!offset || !bytes || *bytes == 0 || *offset < end || *offset > size ||
        *bytes > size - *offset) {
      return std::nullopt;
    }
    end = *offset + *bytes;
    ranges.push_back({*offset, *bytes});
  }
  return ranges;
}

std::optional<StartFile> file_in(const text::json::value& entry) {
  if (!entry.is_object()) return std::nullopt;
  const text::json::object& object = entry.get_object();
  StartFile file;
  file.path = text::string_at(object, "path").value_or("");
  const std::string group = text::string_at(object, "group").value_or("");
  const auto size = text::unsigned_at(object, "size");
  const text::json::value* const changed = object.if_contains("mtime_ns");
  if (!is_plain(file.path) || !boost::describe::enum_from_string(group.c_str(), file.group) ||
      !size || *size > k_largest_file || changed == nullptr || !changed->is_int64()) {
    return std::nullopt;
  }
  file.bytes = *size;
  file.changed_ns = changed->get_int64();
  auto ranges = ranges_in(object, file.bytes);
  if (!ranges) return std::nullopt;
  file.in_memory = std::move(*ranges);
  return file;
}

void note_bad_entries(std::size_t count, std::size_t first, StartSet* set) {
  if (count == 0) return;
  set->remarks.push_back(fmt::format("{} of its entries {} left out as no file's, entry {} {}",
                                     count, count == 1 ? "is" : "are", first + 1,
                                     count == 1 ? "it is" : "the first"));
}

}  // namespace

std::string to_text(const StartSet& set, std::size_t most_bytes) {
  std::string text = fmt::format(R"({{"{}": {}, "source": "{}", "files": [)", k_version_key,
                                 k_version, to_string(set.source));
  std::string_view between = "\n";
  constexpr std::string_view k_end = "\n]}\n";
  for (const StartFile& file : set.files) {
    if (text::valid_utf8(file.path) != file.path) continue;
    const std::string line = text::to_line(to_json(file));
    if (text.size() + line.size() + between.size() + k_end.size() > most_bytes) break;
    text.append(between).append(line);
    between = ",\n";
  }
  return text.append(k_end);
}

StartSet parse_start_set(std::string_view text) {
  std::string error;
  const auto value = text::parse_json(text, &error);
  if (!value) throw os::Error("it is no start set: " + error);
  const text::json::object* const object = value->if_object();
  const auto version = object == nullptr ? std::nullopt : text::unsigned_at(*object, k_version_key);
  if (!version) throw os::Error(fmt::format("it is no start set: it has no {}", k_version_key));
  if (*version != k_version) {
    throw os::Error(
        fmt::format("it is a start set of version {}, and this coldload knows version {}", *version,
                    k_version));
  }
  StartSet set;
  const std::string source = text::string_at(*object, "source").value_or("");
  (void)boost::describe::enum_from_string(source.c_str(), set.source);
  const text::json::value* const files = object->if_contains("files");
  if (files == nullptr || !files->is_array())
    throw os::Error("it is no start set: it has no files");
  const text::json::array& entries = files->get_array();
  std::size_t bad = 0;
  std::size_t first_bad = 0;
  const std::size_t taken = std::min(entries.size(), k_most_files);
  for (std::size_t i = 0; i < taken; ++i) {
    if (auto file = file_in(entries[i])) {
      set.files.push_back(std::move(*file));
    } else if (bad++ == 0) {
      first_bad = i;
    }
  }
  note_bad_entries(bad, first_bad, &set);
  if (taken < entries.size()) {
    set.remarks.push_back(
        fmt::format("of its {} files the first {} are taken", entries.size(), taken));
  }
  return set;
}

StartSet read_start_set(const std::string& path) {
  const os::Fd file = os::open_regular(path);
  const std::uint64_t bytes = os::file_size(file);
  if (bytes > k_most_set_file_bytes) {
    throw os::Error(fmt::format("cannot use {}: it is larger than any start set ({} bytes)", path,
                                k_most_set_file_bytes));
  }
  std::string text(bytes, '\0');
  text.resize(os::pread_full(file, std::as_writable_bytes(std::span(text)), 0));
  try {
    return parse_start_set(text);
  } catch (const os::Error& error) {
    throw os::Error(fmt::format("cannot use {}: {}", path, error.what()));
  }
}

}  // namespace coldload::start_set
