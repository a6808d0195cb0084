#include "cli/floor_text.h"

#include <optional>

#include <fmt/format.h>

#include "text/escape.h"
#include "text/table.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

using records::Floor;

std::string line(const std::string& name, const std::string& value) {
  return fmt::format("{:<12} {}\n", name, text::one_line(value));
}

std::string rate_or_reason(const storage::ReadRate& rate) {
  return rate.bytes_per_s ? text::format_rate(*rate.bytes_per_s) : "not measured: " + rate.reason;
}

std::string duration(double seconds) {
  if (seconds >= 0.1) return text::format_seconds(seconds) + " s";
  return seconds >= 1e-3 ? fmt::format("{:.2f} ms", seconds * 1e3)
                         : fmt::format("{:.0f} us", seconds * 1e6);
}

std::string storage_lines(const Floor& floor) {
  const storage::ReadFigures& reads = floor.reads;
  if (floor.given_bytes_per_s) {
    return line("storage", text::format_rate(*floor.given_bytes_per_s) + ", given, not measured");
  }
  if (floor.memory_backed) return line("storage", "memory: its rate is the page cache's");
  const auto best = reads.best_bytes_per_s();
  std::string out;
  if (!best) {
    out += line("storage", "not measured");
  } else if (reads.best_in_flight() == 0) {
    out += line("storage",
                fmt::format("{}, by one reader through the page cache", text::format_rate(*best)));
  } else {
    out += line("storage",
                fmt::format("{}, with {} request{} of 2 MiB in flight", text::format_rate(*best),
                            reads.best_in_flight(), reads.best_in_flight() == 1 ? "" : "s"));
  }
  out += line("way", reads.direct
                         ? "around the page cache (O_DIRECT)"
                         : "evicted pages through the page cache, as " + reads.not_direct_reason);
  text::Table table{{{"  in flight", text::Align::right}, {"rate", text::Align::right}, {""}}, {}};
  for (const storage::LevelRate& level : reads.levels) {
    table.rows.push_back({fmt::format("{}", level.in_flight),
                          level.rate.bytes_per_s ? text::format_rate(*level.rate.bytes_per_s) : "-",
                          level.rate.reason});
  }
  out += text::plain_table(table);
  out += line("one reader",
              rate_or_reason(reads.sequential) +
                  (reads.sequential.bytes_per_s ? ", read(2) with the mount's readahead" : ""));
  if (reads.latency.median_s) {
    out +=
        line("latency",
             fmt::format("{} median{} of {} reads of 4 KiB, one at a time",
                         duration(*reads.latency.median_s),
                         reads.latency.p99_s ? ", " + duration(*reads.latency.p99_s) + " p99," : "",
                         reads.latency.reads));
  } else {
    out += line("latency", "not measured: " + reads.latency.reason);
  }
  return out;
}

std::string rate_pair(std::optional<double> best, std::optional<double> median) {
  if (!best || !median) return "not measured";
  return fmt::format("{} best, {} median", text::format_rate(*best), text::format_rate(*median));
}

std::string gpu_lines(const records::GpuFloor& gpu) {
  if (!gpu.index) return line("GPU", "none: " + gpu.reason);
  std::string out =
      line("GPU", fmt::format("{} ({})", gpu.name.empty() ? "unnamed" : gpu.name, *gpu.index));
  if (!gpu.reason.empty() && gpu.transfers.empty()) out += line("", gpu.reason);
  if (gpu.context_s) out += line("context", duration(*gpu.context_s));
  if (gpu.pin_bytes_per_s) out += line("pinning", text::format_rate(*gpu.pin_bytes_per_s));
  for (const records::GpuTransfer& one : gpu.transfers) {
    const std::string place = one.numa_node ? fmt::format(" (node {})", *one.numa_node) : "";
    if (!one.reason.empty()) {
      out += line("copies", fmt::format("not measured{}: {}", place, one.reason));
      continue;
    }
    out += line("host to GPU",
                rate_pair(one.to_gpu_best_bytes_per_s, one.to_gpu_median_bytes_per_s) + place);
    out += line("GPU to host",
                rate_pair(one.to_host_best_bytes_per_s, one.to_host_median_bytes_per_s) + place);
  }
  return out;
}

std::string verdict_line(const FloorSubject& subject, const Floor& floor) {
  const auto seconds = [&](records::FloorKind kind) -> std::string {
    const auto value =
        records::floor_seconds(floor, subject.bytes, kind, records::Destination::gpu);
    return value ? duration(*value) : "not known";
  };
  return fmt::format("{} of checkpoint: floor {} cold, {} from the page cache\n",
                     text::format_bytes(subject.bytes), seconds(records::FloorKind::cold),
                     seconds(records::FloorKind::warm));
}

}  // namespace

std::string floor_text(const FloorSubject& subject, const Floor& floor) {
  std::string out;
  for (const std::string& fact : storage::describe(subject.storage)) {
    out += text::one_line(fact) + '\n';
  }
  out += storage_lines(floor);
  out += line("page cache", rate_or_reason(floor.reads.page_cache) +
                                (floor.reads.page_cache.bytes_per_s
                                     ? fmt::format(", {} thread{}", floor.reads.page_cache_threads,
                                                   floor.reads.page_cache_threads == 1 ? "" : "s")
                                     : ""));
  out += gpu_lines(floor.gpu);
  for (const std::string& remark : floor.remarks) out += line("note", remark);
  return out + '\n' + verdict_line(subject, floor);
}

}  // namespace coldload::cli
