#include "measure/floor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "measure/floor_json.h"
#include "os/memory.h"
#include "text/units.h"

namespace coldload::measure {

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

std::vector<std::string> remarks_on(const storage::PathInfo& storage) {
  std::vector<std::string> remarks;
  const std::string& type = storage.mount.fs_type;
  if (storage.cache == storage::CacheKind::hidden) {
    remarks.push_back(storage.hidden_cache +
                      ": what looks like storage may be a copy on this machine");
  }
  if (type.rfind("fuse", 0) == 0 && type != "fuse.coldload") {
    remarks.push_back(fmt::format(
        "{} may drop a file's cached pages when it is opened, and measuring means opening", type));
  }
  return remarks;
}

}  // namespace

std::optional<double> Floor::storage_bytes_per_s() const {
  if (given_bytes_per_s) return given_bytes_per_s;
  return memory_backed ? reads.page_cache.bytes_per_s : reads.best_bytes_per_s();
}

FloorBudget floor_budget(std::chrono::nanoseconds time) {
  const auto part = [time](double share) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time * share);
  };
  // What is left over is for opening files and giving the page cache back.
  constexpr std::chrono::seconds k_enough_for_all_levels{8};
  if (time < k_enough_for_all_levels) {
    return {{1, 8, 32}, part(0.14), part(0.14), part(0.06), part(0.10), part(0.15)};
  }
  return {{1, 2, 4, 8, 16, 32, 64}, part(0.07), part(0.11), part(0.05), part(0.08), part(0.12)};
}

Floor measure_floor(const std::vector<std::string>& files, const storage::PathInfo& storage,
                    const FloorOptions& options) {
  Floor floor;
  const FloorBudget budget = floor_budget(options.time);
  storage::ReadProbeOptions probe;
  probe.in_flight = budget.in_flight;
  probe.level_time = budget.level;
  probe.sequential_time = budget.sequential;
  probe.latency_time = budget.latency;
  probe.page_cache_time = budget.page_cache;
  // A piece that fits beside everything else.
  if (const auto room = os::available_memory_bytes()) {
    probe.page_cache_bytes = std::min(probe.page_cache_bytes, *room / 4);
  }
  probe.deadline = os::Clock::now() + (options.time - budget.gpu);
  probe.progress = options.progress;
  floor.given_bytes_per_s = options.given_bytes_per_s;
  floor.memory_backed = storage.cache == storage::CacheKind::memory_backed;
  if (floor.given_bytes_per_s) {
    probe.no_storage_reason =
        fmt::format("the rate is given: {}", text::format_rate(*floor.given_bytes_per_s));
  } else if (floor.memory_backed) {
    probe.no_storage_reason = storage.mount.fs_type + " is memory: there is no storage below it";
  }
  floor.reads = storage::probe_reads(files, probe);
  floor.remarks = remarks_on(storage);
  if (floor.reads.files < files.size()) {
    floor.remarks.push_back(fmt::format("{} of the {} weight files were read, spread over all",
                                        floor.reads.files, files.size()));
  }
  if (options.gpu) {
    options.progress("GPU");
    floor.gpu = measure_gpu_floor({*options.gpu, os::Clock::now() + budget.gpu});
  } else {
    floor.gpu.reason = "left out";
  }
  return floor;
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

}  // namespace coldload::measure
