#include "records/json_access.h"

#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "text/escape.h"

namespace coldload::records {

namespace {

// The nearest number of 15 significant digits: the parser reads such text back to the same bits,
// which it does not promise for 17 digits.
double with_15_digits(double number) {
  const std::string text = fmt::format("{:.15g}", number);
  double rounded = 0;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

const json::array& as_array(const json::value& value) {
  if (!value.is_array()) throw os::Error("is not a list");
  return value.get_array();
}

const json::object& as_object(const json::value& value) {
  if (!value.is_object()) throw os::Error("is not an object");
  return value.get_object();
}

// The member, or nothing where it is missing or null.
const json::value* member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string text_member(const json::object& object, std::string_view key) {
  const json::value* value = member(object, key);
  return value == nullptr ? std::string() : read_text(*value);
}

double number_member(const json::object& object, std::string_view key) {
  const json::value* value = member(object, key);
  return value == nullptr ? 0.0 : read_number(*value);
}

std::optional<double> known_number_member(const json::object& object, std::string_view key) {
  const json::value* value = member(object, key);
  return value == nullptr ? std::nullopt : std::optional(read_number(*value));
}

json::value stand_in_value(const std::optional<StandInFacts>& facts) {
  if (!facts) return nullptr;
  json::object out;
  out["spec"] = text_value(facts->spec);
  out["method"] = text_value(facts->method);
  out["rate_bytes_per_s"] = number_value(facts->rate_bytes_per_s);
  out["latency_s"] = number_value(facts->latency_s);
  out["delivered_read_bytes_per_s"] = number_value(facts->delivered_read_bytes_per_s);
  out["delivered_mmap_bytes_per_s"] = number_value(facts->delivered_mmap_bytes_per_s);
  out["readahead_bytes"] = count_value(facts->readahead_bytes);
  return out;
}

StandInFacts read_stand_in(const json::value& value) {
  const json::object& object = as_object(value);
  StandInFacts facts;
  facts.spec = text_member(object, "spec");
  facts.method = text_member(object, "method");
  facts.rate_bytes_per_s = number_member(object, "rate_bytes_per_s");
  facts.latency_s = number_member(object, "latency_s");
  facts.delivered_read_bytes_per_s = known_number_member(object, "delivered_read_bytes_per_s");
  facts.delivered_mmap_bytes_per_s = known_number_member(object, "delivered_mmap_bytes_per_s");
  if (const json::value* readahead = member(object, "readahead_bytes")) {
    facts.readahead_bytes = read_count(*readahead);
  }
  return facts;
}

}  // namespace

json::value text_value(std::string_view text) {
  if (text.empty()) return nullptr;
  return json::value(text::valid_utf8(text));
}

json::value number_value(std::optional<double> number) {
  if (!number || !std::isfinite(*number)) return nullptr;
  return with_15_digits(*number);
}

json::value count_value(std::optional<std::uint64_t> count) { return text::or_null(count); }

json::value texts_value(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text::valid_utf8(text));
  return out;
}

json::value clean_value(const json::value& value) {
  switch (value.kind()) {
    case json::kind::object: {
      json::object out;
      for (const auto& entry : value.get_object()) {
        out[text::valid_utf8(entry.key())] = clean_value(entry.value());
      }
      return out;
    }
    case json::kind::array: {
      json::array out;
      for (const json::value& entry : value.get_array()) out.push_back(clean_value(entry));
      return out;
    }
    case json::kind::string:
      return json::value(text::valid_utf8(value.get_string()));
    case json::kind::double_:
      return number_value(value.get_double());
    default:
      return value;
  }
}

json::value phases_value(const std::vector<Phase>& phases) {
  json::array out;
  for (const Phase& phase : phases) {
    json::object entry;
    entry["name"] = text_value(phase.name);
    entry["start_s"] = number_value(phase.start_s);
    entry["end_s"] = number_value(phase.end_s);
    entry["source"] = text_value(phase.source);
    out.emplace_back(std::move(entry));
  }
  return out;
}

json::value arms_value(const std::vector<ArmFacts>& arms) {
  json::array out;
  for (const ArmFacts& arm : arms) {
    json::object entry;
    entry["label"] = text_value(arm.label);
    entry["path"] = text_value(arm.path);
    entry["placeholder"] = arm.placeholder;
    entry["missing"] = text_value(arm.missing);
    entry["stand_in"] = stand_in_value(arm.stand_in);
    if (!arm.staged_from.empty()) entry["staged_from"] = text_value(arm.staged_from);
    if (!arm.prefetch_of.empty()) entry["prefetch_of"] = text_value(arm.prefetch_of);
    entry["storage"] = clean_value(arm.storage);
    entry["floor"] = arm.floor ? clean_value(to_json(*arm.floor)) : json::value(nullptr);
    entry["no_floor_reason"] = text_value(arm.no_floor_reason);
    out.emplace_back(std::move(entry));
  }
  return out;
}

json::value baseline_value(const std::vector<BaselineFigure>& figures) {
  json::array out;
  for (const BaselineFigure& figure : figures) {
    json::object entry;
    entry["storage_mode"] = text_value(figure.storage_mode);
    entry["load_s"] = number_value(figure.load_s);
    out.emplace_back(std::move(entry));
  }
  return out;
}

std::string read_text(const json::value& value) {
  if (!value.is_string()) throw os::Error("is not text");
  return {value.get_string().data(), value.get_string().size()};
}

double read_number(const json::value& value) {
  if (!value.is_number()) throw os::Error("is not a number");
  const double number = value.to_number<double>();
  if (!std::isfinite(number) || number < 0) throw os::Error("is not a number from 0 on");
  constexpr double k_most = 1e18;  // no time, rate or price is that large, and sums stay finite
  if (number > k_most) throw os::Error("is larger than anything that is measured");
  return number;
}

std::uint64_t read_count(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) {
    return static_cast<std::uint64_t>(value.get_int64());
  }
  throw os::Error("is not a whole number from 0 on");
}

bool read_truth(const json::value& value) {
  if (!value.is_bool()) throw os::Error("is not true or false");
  return value.get_bool();
}

std::vector<std::string> read_texts(const json::value& value) {
  std::vector<std::string> texts;
  for (const json::value& entry : as_array(value)) texts.push_back(read_text(entry));
  return texts;
}

std::vector<Phase> read_phases(const json::value& value) {
  std::vector<Phase> phases;
  for (const json::value& entry : as_array(value)) {
    const json::object& object = as_object(entry);
    phases.push_back({text_member(object, "name"), number_member(object, "start_s"),
                      number_member(object, "end_s"), text_member(object, "source")});
  }
  return phases;
}

std::vector<ArmFacts> read_arms(const json::value& value) {
  std::vector<ArmFacts> arms;
  for (const json::value& entry : as_array(value)) {
    const json::object& object = as_object(entry);
    ArmFacts arm;
    arm.label = text_member(object, "label");
    arm.path = text_member(object, "path");
    const json::value* placeholder = member(object, "placeholder");
    arm.placeholder = placeholder != nullptr && read_truth(*placeholder);
    arm.missing = text_member(object, "missing");
    if (const json::value* facts = member(object, "stand_in")) arm.stand_in = read_stand_in(*facts);
    arm.staged_from = text_member(object, "staged_from");
    arm.prefetch_of = text_member(object, "prefetch_of");
    if (const json::value* storage = member(object, "storage")) arm.storage = as_object(*storage);
    if (const json::value* floor = member(object, "floor")) {
      arm.floor = floor_from_json(as_object(*floor));
    }
    arm.no_floor_reason = text_member(object, "no_floor_reason");
    arms.push_back(std::move(arm));
  }
  return arms;
}

std::vector<BaselineFigure> read_baseline(const json::value& value) {
  std::vector<BaselineFigure> figures;
  for (const json::value& entry : as_array(value)) {
    const json::object& object = as_object(entry);
    figures.push_back({text_member(object, "storage_mode"), number_member(object, "load_s")});
  }
  return figures;
}

json::object read_object(json::value&& value) {
  if (!value.is_object()) throw os::Error("is not an object");
  return std::move(value.get_object());
}

json::array read_array(json::value&& value) {
  if (!value.is_array()) throw os::Error("is not a list");
  return std::move(value.get_array());
}

}  // namespace coldload::records
