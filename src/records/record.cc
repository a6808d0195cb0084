#include "records/record.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace coldload::records {

namespace {

constexpr std::array<std::pair<Status, std::string_view>, 5> k_statuses{{
    {Status::ok, "ok"},
    {Status::not_cold, "not_cold"},
    {Status::failed, "failed"},
    {Status::timed_out, "timed_out"},
    {Status::interrupted, "interrupted"},
}};

constexpr std::array<std::pair<Cold, std::string_view>, 6> k_colds{{
    {Cold::verified, "verified"},
    {Cold::not_cold, "not_cold"},
    {Cold::unknown, "unknown"},
    {Cold::not_applicable, "not_applicable"},
    {Cold::warm, "warm"},
    {Cold::off, "off"},
}};

template <typename Table, typename Value>
std::string_view name_of(const Table& table, Value value) {
  for (const auto& [entry, name] : table) {
    if (entry == value) return name;
  }
  return "";
}

}  // namespace

std::string_view to_string(Status status) { return name_of(k_statuses, status); }
std::string_view to_string(Cold cold) { return name_of(k_colds, cold); }

std::string to_string(const SameStorage& pair) {
  if (pair.first.empty()) return pair.how;
  return fmt::format("{} and {} are {}", pair.first, pair.second, pair.how);
}

std::optional<Status> parse_status(std::string_view text) {
  for (const auto& [entry, name] : k_statuses) {
    if (name == text) return entry;
  }
  return std::nullopt;
}

std::optional<Cold> parse_cold(std::string_view text) {
  for (const auto& [entry, name] : k_colds) {
    if (name == text) return entry;
  }
  return std::nullopt;
}

}  // namespace coldload::records
