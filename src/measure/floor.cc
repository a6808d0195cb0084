#include "measure/floor.h"

#include <algorithm>

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
  constexpr std::chrono::seconds k_enough_for_all_levels{8};
  const bool is_short = time < k_enough_for_all_levels;
  // What is left over is for opening files and giving the page cache back.
  FloorBudget budget;
  if (is_short) budget.reads.in_flight = {1, 8, 32};
  budget.reads.level_time = part(is_short ? 0.14 : 0.07);
  budget.reads.sequential_time = part(is_short ? 0.14 : 0.11);
  budget.reads.latency_time = part(is_short ? 0.06 : 0.05);
  budget.reads.page_cache_time = part(is_short ? 0.10 : 0.08);
  budget.gpu = part(is_short ? 0.15 : 0.12);
  return budget;
}

records::Floor measure_floor(const std::vector<std::string>& files,
                             const storage::PathInfo& storage, const FloorOptions& options) {
  records::Floor floor;
  FloorBudget budget = floor_budget(options.time);
  storage::ReadProbeOptions& probe = budget.reads;
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
    floor.gpu = measure_gpu_floor(*options.gpu, os::Clock::now() + budget.gpu);
  } else {
    floor.gpu.reason = "left out";
  }
  return floor;
}

}  // namespace coldload::measure
