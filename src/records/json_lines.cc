#include "records/json_lines.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "records/fields.h"
#include "text/byte_order_mark.h"

namespace coldload::records {

namespace {

constexpr std::size_t k_longest_line_bytes = 64 << 20;
constexpr std::size_t k_chunk_bytes = 1 << 17;  // it stays in the processor's own cache

// A newer minor version ("1.2") only adds keys; a newer major one may change their meaning.
void check_schema(const json::object& object) {
  const json::value* schema = object.if_contains("schema");
  if (schema == nullptr || !schema->is_number()) {
    throw os::Error("it has no \"schema\": not a record of coldload");
  }
  const double version = std::floor(schema->to_number<double>());
  if (version > static_cast<double>(k_schema)) {
    throw os::Error(
        fmt::format("it was written by a newer coldload (schema {}; this one reads up to {}): use "
                    "that version to read it",
                    version, k_schema));
  }
  if (version < 1) throw os::Error("its \"schema\" is not a version");
}

// What lines of a usual length are parsed in, one after the other. Were it asked for line by line,
// between what is kept of them, malloc would search for it for most of a report's time.
class ParserMemory {
 public:
  [[nodiscard]] json::storage_ptr arena(std::size_t bytes) {
    if (bytes > values_.size()) return json::make_shared_resource<json::monotonic_resource>(bytes);
    return json::make_shared_resource<json::monotonic_resource>(values_.data(), values_.size());
  }
  [[nodiscard]] json::stream_parser parser() {
    return json::stream_parser({}, {}, stack_.data(), stack_.size());
  }

 private:
  static constexpr std::size_t k_values_bytes = 1 << 18;
  static constexpr std::size_t k_stack_bytes = 1 << 14;
  std::vector<unsigned char> values_ = std::vector<unsigned char>(k_values_bytes);
  std::vector<unsigned char> stack_ = std::vector<unsigned char>(k_stack_bytes);
};

// Most of what is read is left behind: an arena takes less time than giving back every part. What
// the record keeps is copied out of it, before the next line is parsed. Nothing where anything is
// wrong.
std::optional<json::value> parse_in_arena(std::string_view line) {
  thread_local ParserMemory memory;
  json::error_code code;
  json::stream_parser parser = memory.parser();
  parser.reset(memory.arena(2 * line.size()));
  parser.write(line.data(), line.size(), code);
  if (!code) parser.finish(code);
  if (code) return std::nullopt;
  return parser.release();
}

json::value object_of(std::string_view line) {
  std::string error;
  line = text::without_byte_order_mark(line);
  std::optional<json::value> value = parse_in_arena(line);
  if (!value) value = text::parse_json(line, &error);
  if (!value) throw os::Error(fmt::format("it is not JSON: {}", error));
  if (!value->is_object()) throw os::Error("it is not a JSON object");
  return std::move(*value);
}

void read_members(std::span<const Field> fields, json::object* object, Record* record) {
  for (const Field& field : fields) {
    json::value* const found = object->if_contains(field.member.key);
    if (found == nullptr || found->is_null() || field.member.read == nullptr) continue;
    try {
      field.member.read(std::move(*found), record);
    } catch (const os::Error& problem) {
      throw os::Error(fmt::format("\"{}\" {}", field.member.key, problem.what()));
    }
  }
}

}  // namespace

std::string json_line_of(const Record& record) {
  json::object object;
  object.reserve(fields().size());
  for (const Field& field : fields()) object.emplace(field.member.key, field.member.write(record));
  return text::to_line(object) + '\n';
}

Record record_of_line(std::string_view line) {
  json::value value = object_of(line);
  json::object& object = value.get_object();
  check_schema(object);
  Record record;
  read_members(fields(), &object, &record);
  for (const char* key : {"run_id", "storage_mode", "status", "cold", "experiment"}) {
    const json::value* member = object.if_contains(key);
    if (member == nullptr || member->is_null()) {
      throw os::Error(fmt::format("it has no \"{}\"", key));
    }
  }
  if (record.arm.empty()) record.arm = record.storage_mode;
  return record;
}

ExperimentFacts facts_of_object(std::string_view object) {
  json::value value = object_of(object);
  Record record;
  read_members(experiment_fields(), &value.get_object(), &record);
  return std::move(record.experiment);
}

std::string environment_of_object(std::string_view object) {
  json::value value = object_of(object);
  json::value* const environment = value.get_object().if_contains("environment");
  if (environment == nullptr || environment->is_null()) return text::to_line(json::object());
  return text::to_line(object_in(*environment));
}

std::optional<FloorRates> floor_rates_of_object(std::string_view arm) {
  json::value value = object_of(arm);
  json::value* const floor = value.get_object().if_contains("floor");
  if (floor == nullptr || floor->is_null()) return std::nullopt;
  return floor_rates_from_json(std::move(object_in(*floor)));
}

std::uint64_t for_each_line(
    const os::Fd& file,
    const std::function<void(std::string_view line, std::uint64_t number)>& each) {
  std::string buffer;
  std::vector<std::byte> chunk(k_chunk_bytes);
  std::uint64_t offset = 0;
  std::uint64_t number = 0;
  while (true) {
    const std::size_t got = os::pread_full(file, chunk, offset);
    if (got == 0) return buffer.size();
    offset += got;
    const std::size_t searched = buffer.size();
    buffer.append(reinterpret_cast<const char*>(chunk.data()), got);
    std::size_t begin = 0;
    std::size_t end = buffer.find('\n', searched);
    while (end != std::string::npos) {
      each(std::string_view(buffer).substr(begin, end - begin), ++number);
      begin = end + 1;
      end = buffer.find('\n', begin);
    }
    buffer.erase(0, begin);
    if (buffer.size() > k_longest_line_bytes) {
      throw os::Error(fmt::format("cannot read {}: line {} is longer than {} bytes", file.path(),
                                  number + 1, k_longest_line_bytes));
    }
  }
}

void for_each_record_line(
    const std::string& path,
    const std::function<void(std::string_view line, std::uint64_t offset)>& each) {
  const os::Fd file = os::open_regular(path);
  std::uint64_t lines = 0;
  std::uint64_t offset = 0;
  const std::uint64_t cut_bytes =
      for_each_line(file, [&](std::string_view line, std::uint64_t number) {
        lines = number;
        const std::uint64_t begin = std::exchange(offset, offset + line.size() + 1);
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
        try {
          each(line, begin);
        } catch (const os::Error& problem) {
          throw os::Error(fmt::format("cannot read {} line {}: {}", path, number, problem.what()));
        }
      });
  if (cut_bytes > 0) {
    throw os::Error(
        fmt::format("cannot read {} line {}: the line is cut ({} bytes without a line end), as a "
                    "crash or a full disk leaves it; coldload mends it when it next appends to "
                    "this file, or remove that line",
                    path, lines + 1, cut_bytes));
  }
}

void for_each_record(const std::string& path, const std::function<void(Record&&)>& each) {
  for_each_record_line(path, [&each](std::string_view line, std::uint64_t /*offset*/) {
    each(record_of_line(line));
  });
}

}  // namespace coldload::records
