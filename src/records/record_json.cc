#include "records/record_json.h"

#include <array>
#include <utility>

#include <boost/describe/enum_from_string.hpp>
#include <fmt/format.h>

#include "os/error.h"
#include "records/floor.h"
#include "text/escape.h"

namespace coldload::records {

namespace {

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

template <typename Enum>
void read_name(json::value&& value, const char* otherwise, Enum* known) {
  std::string name;
  from_value(std::move(value), &name);
  if (!boost::describe::enum_from_string(name.c_str(), *known)) throw os::Error(otherwise);
}

}  // namespace

static std::span<const Member<StartFacts>> members_of(const StartFacts* /*object*/) {
  static const std::array k_members{
      member<&StartFacts::name>("name"), member<&StartFacts::path_label>("path"),
      member<&StartFacts::command>("command"), member<&StartFacts::target>("target"),
      member<&StartFacts::server>("server")};
  return k_members;
}

std::span<const Member<ArmFacts>> members_of(const ArmFacts* /*object*/) {
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
            arm->floor = floor_from_json(std::move(object_in(value)));
          }},
      member<&ArmFacts::no_floor_reason>("no_floor_reason"),
      member<&ArmFacts::start>("start")};
  return k_members;
}

json::value to_value(const ArmFacts& arm) {
  json::object out = to_object(arm, members_of(&arm));
  for (const char* key : {"staged_from", "prefetch_of", "start"}) {
    if (out.at(key).is_null()) out.stable_erase(key);
  }
  return out;
}

json::value to_value(Status status) { return to_value(to_string(status)); }
json::value to_value(Cold cold) { return to_value(to_string(cold)); }
json::value to_value(std::optional<Caches> caches) {
  return caches ? to_value(to_string(*caches)) : json::value(nullptr);
}

json::value to_value(std::optional<Layer> layer) {
  return layer ? to_value(to_string(*layer)) : json::value(nullptr);
}

void from_value(json::value&& value, Status* status) {
  read_name(std::move(value), "is not a status this version knows", status);
}

void from_value(json::value&& value, Cold* cold) {
  read_name(std::move(value), "is not a cold verdict this version knows", cold);
}

void from_value(json::value&& value, Caches* caches) {
  read_name(std::move(value), "is not a verdict on caches that this version knows", caches);
}

void from_value(json::value&& value, Layer* layer) {
  read_name(std::move(value), "is not a layer of cold that this version knows", layer);
}

void from_value(json::value&& value, Phase* phase) {
  from_value<Phase>(std::move(value), phase);
  if (phase->end_s >= phase->start_s) return;
  throw os::Error(fmt::format("has a phase {} that ends, at {} s, before it starts, at {} s",
                              text::quoted(phase->name), phase->end_s, phase->start_s));
}

void from_value(json::value&& value, SameStorage* pair) {
  if (value.is_string()) {
    *pair = pair_in(std::string(value.get_string()));
  } else {
    from_value<SameStorage>(std::move(value), pair);
  }
}

}  // namespace coldload::records
