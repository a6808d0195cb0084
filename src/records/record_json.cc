#include "records/record_json.h"

#include <array>
#include <utility>

#include "os/error.h"
#include "records/floor.h"

namespace coldload::records {

namespace {

std::span<const Member<ArmFacts>> members_of_arm() {
  static const std::array k_members{
      member<&ArmFacts::label>("label"),
      member<&ArmFacts::path>("path"),
      member<&ArmFacts::placeholder>("placeholder"),
      member<&ArmFacts::missing>("missing"),
      member<&ArmFacts::stand_in>("stand_in"),
      member<&ArmFacts::staged_from>("staged_from"),
      member<&ArmFacts::prefetch_of>("prefetch_of"),
      member<&ArmFacts::storage>("storage"),
      Member<ArmFacts>{
          "floor",
          [](const ArmFacts& arm) { return arm.floor ? to_value(to_json(*arm.floor)) : nullptr; },
          [](json::value&& value, ArmFacts* arm) {
            json::object floor;
            from_value(std::move(value), &floor);
            arm->floor = floor_from_json(floor);
          }},
      member<&ArmFacts::no_floor_reason>("no_floor_reason")};
  return k_members;
}

// "a and b are the same storage: why"
SameStorage pair_in(const std::string& sentence) {
  constexpr std::string_view k_and = " and ";
  constexpr std::string_view k_are = " are ";
  const std::size_t both = sentence.find(k_and);
  const std::size_t are = sentence.find(k_are, both == std::string::npos ? 0 : both);
  if (both == std::string::npos || are == std::string::npos) return {"", "", sentence};
  return {sentence.substr(0, both), sentence.substr(both + k_and.size(), are - both - k_and.size()),
          sentence.substr(are + k_are.size())};
}

}  // namespace

std::span<const Member<Phase>> members_of(const Phase* /*object*/) {
  static constexpr std::array k_members{
      member<&Phase::name>("name"), member<&Phase::start_s>("start_s"),
      member<&Phase::end_s>("end_s"), member<&Phase::source>("source")};
  return k_members;
}

std::span<const Member<StandInFacts>> members_of(const StandInFacts* /*object*/) {
  using F = StandInFacts;
  static constexpr std::array k_members{
      member<&F::spec>("spec"),
      member<&F::method>("method"),
      member<&F::rate_bytes_per_s>("rate_bytes_per_s"),
      member<&F::latency_s>("latency_s"),
      member<&F::delivered_read_bytes_per_s>("delivered_read_bytes_per_s"),
      member<&F::delivered_mmap_bytes_per_s>("delivered_mmap_bytes_per_s"),
      member<&F::readahead_bytes>("readahead_bytes")};
  return k_members;
}

std::span<const Member<BaselineFigure>> members_of(const BaselineFigure* /*object*/) {
  static constexpr std::array k_members{member<&BaselineFigure::storage_mode>("storage_mode"),
                                        member<&BaselineFigure::load_s>("load_s")};
  return k_members;
}

std::span<const Member<SameStorage>> members_of(const SameStorage* /*object*/) {
  static constexpr std::array k_members{member<&SameStorage::first>("first"),
                                        member<&SameStorage::second>("second"),
                                        member<&SameStorage::how>("how")};
  return k_members;
}

json::value to_value(const ArmFacts& arm) {
  json::object out = to_object(arm, members_of_arm());
  for (const char* key : {"staged_from", "prefetch_of"}) {
    if (out.at(key).is_null()) out.erase(key);
  }
  return out;
}

json::value to_value(const std::vector<ArmFacts>& arms) {
  json::array out;
  for (const ArmFacts& arm : arms) out.push_back(to_value(arm));
  return out;
}

void from_value(json::value&& value, ArmFacts* arm) {
  json::object from;
  from_value(std::move(value), &from);
  from_object(from, members_of_arm(), false, arm);
}

json::value to_value(Status status) { return to_value(to_string(status)); }
json::value to_value(Cold cold) { return to_value(to_string(cold)); }

void from_value(json::value&& value, Status* status) {
  std::string text;
  from_value(std::move(value), &text);
  const auto known = parse_status(text);
  if (!known) throw os::Error("is not a status this version knows");
  *status = *known;
}

void from_value(json::value&& value, Cold* cold) {
  std::string text;
  from_value(std::move(value), &text);
  const auto known = parse_cold(text);
  if (!known) throw os::Error("is not a cold verdict this version knows");
  *cold = *known;
}

void from_value(json::value&& value, std::vector<SameStorage>* pairs) {
  json::array entries;
  from_value(std::move(value), &entries);
  for (json::value& entry : entries) {
    if (entry.is_string()) {
      pairs->push_back(pair_in(std::string(entry.get_string())));
    } else {
      from_value(std::move(entry), &pairs->emplace_back());
    }
  }
}

}  // namespace coldload::records
