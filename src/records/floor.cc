#include "records/floor.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "records/json_members.h"

namespace coldload {

using records::known_count;
using records::Member;
using records::member;
using records::positive;

// Where their types are, so that they are found.
namespace storage {

std::span<const Member<ReadRate>> members_of(const ReadRate* /*object*/) {
  static constexpr std::array k_members{
      positive<&ReadRate::bytes_per_s>("bytes_per_s"), member<&ReadRate::bytes>("bytes"),
      member<&ReadRate::seconds>("seconds"), member<&ReadRate::reason>("reason")};
  return k_members;
}

std::span<const Member<LevelRate>> members_of(const LevelRate* /*object*/) {
  using L = LevelRate;
  static constexpr std::array k_members{
      member<&L::in_flight>("in_flight"), positive<&L::rate, &ReadRate::bytes_per_s>("bytes_per_s"),
      member<&L::rate, &ReadRate::bytes>("bytes"), member<&L::rate, &ReadRate::seconds>("seconds"),
      member<&L::rate, &ReadRate::reason>("reason")};
  return k_members;
}

std::span<const Member<ReadLatency>> members_of(const ReadLatency* /*object*/) {
  static constexpr std::array k_members{
      positive<&ReadLatency::median_s>("median_s"), positive<&ReadLatency::p99_s>("p99_s"),
      member<&ReadLatency::reads>("reads"), member<&ReadLatency::reason>("reason")};
  return k_members;
}

}  // namespace storage

namespace records {

template <>
inline constexpr bool k_read_leniently<storage::ReadRate> = true;
template <>
inline constexpr bool k_read_leniently<storage::LevelRate> = true;
template <>
inline constexpr bool k_read_leniently<storage::ReadLatency> = true;
template <>
inline constexpr bool k_read_leniently<GpuTransfer> = true;
template <>
inline constexpr bool k_read_leniently<GpuFloor> = true;
template <>
inline constexpr bool k_read_leniently<Floor> = true;

static std::span<const Member<GpuTransfer>> members_of(const GpuTransfer* /*object*/) {
  using T = GpuTransfer;
  static constexpr std::array k_members{
      member<&T::numa_node>("numa_node"),
      positive<&T::to_gpu_best_bytes_per_s>("to_gpu_best_bytes_per_s"),
      positive<&T::to_gpu_median_bytes_per_s>("to_gpu_median_bytes_per_s"),
      positive<&T::to_host_best_bytes_per_s>("to_host_best_bytes_per_s"),
      positive<&T::to_host_median_bytes_per_s>("to_host_median_bytes_per_s"),
      member<&T::reason>("reason")};
  return k_members;
}

static std::span<const Member<GpuFloor>> members_of(const GpuFloor* /*object*/) {
  static constexpr std::array k_members{
      member<&GpuFloor::index>("index"),
      member<&GpuFloor::name>("name"),
      member<&GpuFloor::reason>("reason"),
      positive<&GpuFloor::context_s>("context_s"),
      positive<&GpuFloor::pin_bytes_per_s>("pin_bytes_per_s"),
      derived<GpuFloor>("to_gpu_bytes_per_s",
                        [](const GpuFloor& gpu) { return to_value(gpu.to_gpu_bytes_per_s()); }),
      member<&GpuFloor::transfers>("transfers")};
  return k_members;
}

namespace {

using Reads = storage::ReadFigures;

const char* basis_of(const Floor& floor) {
  return floor.given_bytes_per_s ? "given" : floor.memory_backed ? "memory" : "measured";
}

// "storage" of the JSON: the rate is `given` or follows from the others.
constexpr std::array k_storage{
    derived<Floor>("bytes_per_s",
                   [](const Floor& floor) { return to_value(floor.storage_bytes_per_s()); }),
    derived<Floor>("basis", [](const Floor& floor) { return json::value(basis_of(floor)); }),
    derived<Floor>("best_in_flight",
                   [](const Floor& floor) {
                     const unsigned best = floor.reads.best_in_flight();
                     return best == 0 ? json::value(nullptr) : json::value(best);
                   }),
    member<&Floor::reads, &Reads::direct>("direct"),
    member<&Floor::reads, &Reads::not_direct_reason>("not_direct_reason"),
    member<&Floor::reads, &Reads::levels>("levels"),
    member<&Floor::reads, &Reads::sequential>("sequential"),
    member<&Floor::reads, &Reads::latency>("latency")};

constexpr std::array k_page_cache{
    positive<&Floor::reads, &Reads::page_cache, &storage::ReadRate::bytes_per_s>("bytes_per_s"),
    member<&Floor::reads, &Reads::page_cache, &storage::ReadRate::bytes>("bytes"),
    member<&Floor::reads, &Reads::page_cache, &storage::ReadRate::seconds>("seconds"),
    member<&Floor::reads, &Reads::page_cache, &storage::ReadRate::reason>("reason"),
    member<&Floor::reads, &Reads::page_cache_threads>("threads")};

// Of them, what FloorRates follow from.
constexpr std::array k_storage_rates{member<&Floor::reads, &Reads::levels>("levels"),
                                     member<&Floor::reads, &Reads::sequential>("sequential")};
constexpr std::array k_page_cache_rates{
    positive<&Floor::reads, &Reads::page_cache, &storage::ReadRate::bytes_per_s>("bytes_per_s")};
constexpr std::array k_gpu_rates{member<&Floor::gpu, &GpuFloor::transfers>("transfers")};

template <const auto& Members>
constexpr Member<Floor> part(std::string_view key) {
  return {key,
          [](const Floor& floor) -> json::value {
            return to_object(floor, std::span<const Member<Floor>>(Members));
          },
          [](json::value&& value, Floor* floor) {
            from_object(object_in(value), std::span<const Member<Floor>>(Members), true, floor);
          }};
}

}  // namespace

std::span<const Member<Floor>> members_of(const Floor* /*object*/) {
  static constexpr std::array k_members{
      part<k_storage>("storage"), part<k_page_cache>("page_cache"), member<&Floor::gpu>("gpu"),
      member<&Floor::remarks>("remarks")};
  return k_members;
}

std::optional<double> GpuFloor::to_gpu_bytes_per_s() const {
  std::optional<double> best;
  for (const GpuTransfer& one : transfers) best = std::max(best, one.to_gpu_best_bytes_per_s);
  return best;
}

std::optional<double> Floor::storage_bytes_per_s() const {
  if (given_bytes_per_s) return given_bytes_per_s;
  return memory_backed ? reads.page_cache.bytes_per_s : reads.best_bytes_per_s();
}

std::optional<double> floor_seconds(const Floor& floor, std::uint64_t bytes, FloorKind kind,
                                    Destination destination) {
  std::optional<double> rate =
      kind == FloorKind::cold ? floor.storage_bytes_per_s() : floor.reads.page_cache.bytes_per_s;
  if (!rate || bytes == 0) return std::nullopt;
  if (destination == Destination::gpu) {
    if (const auto bus = floor.gpu.to_gpu_bytes_per_s()) rate = std::min(*rate, *bus);
  }
  return static_cast<double>(bytes) / *rate;
}

FloorRates FloorRates::of(const Floor& floor) {
  return {floor.storage_bytes_per_s(), floor.reads.page_cache.bytes_per_s,
          floor.gpu.to_gpu_bytes_per_s(), floor.given_bytes_per_s.has_value()};
}

json::object to_json(const Floor& floor) { return to_object(floor, members_of(&floor)); }

Floor floor_from_json(const json::object& json) { return floor_from_json(json::object(json)); }

static Floor floor_with(std::span<const Member<Floor>> members, json::object* json) {
  Floor floor;
  if (const json::object* storage = text::object_at(*json, "storage")) {
    const std::string basis = text::string_at(*storage, "basis").value_or("");
    floor.memory_backed = basis == "memory";
    if (basis == "given") floor.given_bytes_per_s = text::number_at(*storage, "bytes_per_s");
  }
  from_object(*json, members, true, &floor);
  return floor;
}

Floor floor_from_json(json::object&& json) {
  const Floor* const none = nullptr;
  return floor_with(members_of(none), &json);
}

FloorRates floor_rates_from_json(json::object&& json) {
  static constexpr std::array k_members{part<k_storage_rates>("storage"),
                                        part<k_page_cache_rates>("page_cache"),
                                        part<k_gpu_rates>("gpu")};
  return FloorRates::of(floor_with(k_members, &json));
}

}  // namespace records

}  // namespace coldload
