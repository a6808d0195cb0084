#include "records/floor.h"

#include <algorithm>
#include <utility>

#include "records/floor_json.h"

namespace coldload::records {

namespace {

using text::json::object;

object rate_json(const storage::ReadRate& rate) {
  object out;
  out["bytes_per_s"] = text::or_null(rate.bytes_per_s);
  out["bytes"] = rate.bytes;
  out["seconds"] = rate.seconds;
  out["reason"] = text_or_null(rate.reason);
  return out;
}

storage::ReadRate rate_from_json(const object& json) {
  storage::ReadRate rate;
  rate.bytes_per_s = positive_in(json, "bytes_per_s");
  rate.bytes = text::unsigned_at(json, "bytes").value_or(0);
  rate.seconds = positive_in(json, "seconds").value_or(0);
  rate.reason = text::string_at(json, "reason").value_or("");
  return rate;
}

object storage_json(const Floor& floor) {
  const storage::ReadFigures& reads = floor.reads;
  object out;
  out["bytes_per_s"] = text::or_null(floor.storage_bytes_per_s());
  out["basis"] = floor.given_bytes_per_s ? "given" : floor.memory_backed ? "memory" : "measured";
  out["best_in_flight"] =
      reads.best_in_flight() == 0 ? text::json::value(nullptr) : reads.best_in_flight();
  out["direct"] = reads.direct;
  out["not_direct_reason"] = text_or_null(reads.not_direct_reason);
  text::json::array levels;
  for (const storage::LevelRate& level : reads.levels) {
    object entry{{"in_flight", level.in_flight}};
    for (auto& member : rate_json(level.rate)) entry[member.key()] = std::move(member.value());
    levels.push_back(std::move(entry));
  }
  out["levels"] = std::move(levels);
  out["sequential"] = rate_json(reads.sequential);
  out["latency"] = object{{"median_s", text::or_null(reads.latency.median_s)},
                          {"p99_s", text::or_null(reads.latency.p99_s)},
                          {"reads", reads.latency.reads},
                          {"reason", text_or_null(reads.latency.reason)}};
  return out;
}

void read_storage(const object& json, Floor* floor) {
  storage::ReadFigures& reads = floor->reads;
  const std::string basis = text::string_at(json, "basis").value_or("");
  if (basis == "given") floor->given_bytes_per_s = positive_in(json, "bytes_per_s");
  floor->memory_backed = basis == "memory";
  const text::json::value* direct = json.if_contains("direct");
  reads.direct = direct != nullptr && direct->is_bool() && direct->get_bool();
  reads.not_direct_reason = text::string_at(json, "not_direct_reason").value_or("");
  for (const object& entry : objects_in(json, "levels")) {
    const auto in_flight = count_in(entry, "in_flight");
    if (in_flight) reads.levels.push_back({*in_flight, rate_from_json(entry)});
  }
  reads.sequential = rate_from_json(object_in(json, "sequential"));
  const object latency = object_in(json, "latency");
  reads.latency.median_s = positive_in(latency, "median_s");
  reads.latency.p99_s = positive_in(latency, "p99_s");
  reads.latency.reads = text::unsigned_at(latency, "reads").value_or(0);
  reads.latency.reason = text::string_at(latency, "reason").value_or("");
}

}  // namespace

std::optional<double> GpuFloor::to_gpu_bytes_per_s() const {
  std::optional<double> best;
  for (const GpuTransfer& one : transfers) best = std::max(best, one.to_gpu_best_bytes_per_s);
  return best;
}

object to_json(const GpuFloor& floor) {
  text::json::array transfers;
  for (const GpuTransfer& one : floor.transfers) {
    object entry;
    entry["numa_node"] = one.numa_node ? text::json::value(*one.numa_node) : nullptr;
    entry["to_gpu_best_bytes_per_s"] = text::or_null(one.to_gpu_best_bytes_per_s);
    entry["to_gpu_median_bytes_per_s"] = text::or_null(one.to_gpu_median_bytes_per_s);
    entry["to_host_best_bytes_per_s"] = text::or_null(one.to_host_best_bytes_per_s);
    entry["to_host_median_bytes_per_s"] = text::or_null(one.to_host_median_bytes_per_s);
    entry["reason"] = text_or_null(one.reason);
    transfers.push_back(std::move(entry));
  }
  object out;
  out["index"] = floor.index ? text::json::value(*floor.index) : nullptr;
  out["name"] = text_or_null(floor.name);
  out["reason"] = text_or_null(floor.reason);
  out["context_s"] = text::or_null(floor.context_s);
  out["pin_bytes_per_s"] = text::or_null(floor.pin_bytes_per_s);
  out["to_gpu_bytes_per_s"] = text::or_null(floor.to_gpu_bytes_per_s());
  out["transfers"] = std::move(transfers);
  return out;
}

GpuFloor gpu_floor_from_json(const object& json) {
  GpuFloor floor;
  floor.index = count_in(json, "index");
  floor.name = text::string_at(json, "name").value_or("");
  floor.reason = text::string_at(json, "reason").value_or("");
  floor.context_s = positive_in(json, "context_s");
  floor.pin_bytes_per_s = positive_in(json, "pin_bytes_per_s");
  for (const object& entry : objects_in(json, "transfers")) {
    GpuTransfer one;
    one.numa_node = count_in(entry, "numa_node");
    one.to_gpu_best_bytes_per_s = positive_in(entry, "to_gpu_best_bytes_per_s");
    one.to_gpu_median_bytes_per_s = positive_in(entry, "to_gpu_median_bytes_per_s");
    one.to_host_best_bytes_per_s = positive_in(entry, "to_host_best_bytes_per_s");
    one.to_host_median_bytes_per_s = positive_in(entry, "to_host_median_bytes_per_s");
    one.reason = text::string_at(entry, "reason").value_or("");
    floor.transfers.push_back(std::move(one));
  }
  return floor;
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

object to_json(const Floor& floor) {
  object page_cache = rate_json(floor.reads.page_cache);
  page_cache["threads"] = floor.reads.page_cache_threads;
  text::json::array remarks;
  for (const std::string& remark : floor.remarks) remarks.push_back(text_or_null(remark));
  object out;
  out["storage"] = storage_json(floor);
  out["page_cache"] = std::move(page_cache);
  out["gpu"] = to_json(floor.gpu);
  out["remarks"] = std::move(remarks);
  return out;
}

Floor floor_from_json(const object& json) {
  Floor floor;
  read_storage(object_in(json, "storage"), &floor);
  const object page_cache = object_in(json, "page_cache");
  floor.reads.page_cache = rate_from_json(page_cache);
  floor.reads.page_cache_threads = count_in(page_cache, "threads").value_or(0);
  floor.gpu = gpu_floor_from_json(object_in(json, "gpu"));
  const text::json::value* remarks = json.if_contains("remarks");
  if (remarks != nullptr && remarks->is_array()) {
    for (const text::json::value& remark : remarks->get_array()) {
      if (remark.is_string()) floor.remarks.emplace_back(remark.get_string());
    }
  }
  return floor;
}

}  // namespace coldload::records
