#include "measure/floor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "os/memory.h"
#include "storage/file_systems.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

std::vector<std::string> remarks_on(const storage::PathInfo& storage) {
  std::vector<std::string> remarks;
  if (storage.cache == storage::CacheKind::hidden) {
    remarks.push_back(storage.hidden_cache +
                      ": what looks like storage may be a copy on this machine");
  }
  if (storage::opening_may_drop_pages(storage.mount)) {
    remarks.push_back(fmt::format(
        "{} may drop a file's cached pages when it is opened, and measuring means opening",
        storage.mount.fs_type));
  }
  return remarks;
}

}  // namespace

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

records::Floor measure_floor(const std::vector<std::string>& files,
                             const storage::PathInfo& storage, const FloorOptions& options) {
  records::Floor floor;
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

}  // namespace coldload::measure
