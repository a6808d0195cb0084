// coldload floor: what a path, its page cache, the bus and the GPU can deliver now.

#include "measure/floor.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "charts/rate_chart.h"
#include "cli/command.h"
#include "cli/live_line.h"
#include "cli/values.h"
#include "model/checkpoint.h"
#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "storage/path_info.h"
#include "storage/watched_threads.h"
#include "text/escape.h"
#include "text/json.h"
#include "text/table.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

struct FloorArguments {
  std::string path;
  std::string svg;
  measure::FloorOptions floor;
  bool json = false;
};

std::optional<FloorArguments> parse_floor(const std::vector<std::string>& args) {
  FloorArguments arguments;
  unsigned gpu = 0;
  bool no_gpu = false;
  double time_s = 20;
  std::optional<load::Pacing> pace;
  CLI::App app("What this path, this bus and this GPU can deliver now.", "coldload floor");
  app.add_option("PATH", arguments.path, "checkpoint directory, or a .gguf file")->required();
  app.add_option("--time", time_s, "seconds in all, about")
      ->check(CLI::Range(1.0, 600.0))
      ->capture_default_str();
  app.add_option("--gpu", gpu, "which GPU, as CUDA_VISIBLE_DEVICES counts")->capture_default_str();
  app.add_option("--svg", arguments.svg, "write the rate over the requests in flight as a chart")
      ->type_name("FILE");
  app.add_flag("--json", arguments.json, "print one JSON object");
  // For our own experiments: the GPU is measured once, and a paced arm's rate is given.
  app.add_flag("--no-gpu", no_gpu, "")->group("");
  add_pacing(&app, &pace, "")->group("");
  if (!parse(app, args)) return std::nullopt;
  arguments.floor.time =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(time_s));
  arguments.floor.gpu = no_gpu ? std::nullopt : std::optional(gpu);
  if (pace) arguments.floor.given_bytes_per_s = pace->rate_bytes_per_s;
  return arguments;
}

// What a floor is measured on.
struct FloorSubject {
  std::string path;
  std::uint64_t bytes = 0;         // of the weights
  std::vector<std::string> files;  // the weight files' real paths
  storage::PathInfo storage;
};

// Looks at the path in a thread of its own: a hung mount answers no stat either.
FloorSubject look_at(const std::string& path) {
  constexpr std::chrono::seconds k_patience{15};
  const auto subject = std::make_shared<FloorSubject>();
  storage::run_watched(
      1, os::Clock::now() + k_patience, [subject, path](unsigned, storage::PendingCall& call) {
        call.begin_open(path);
        const model::Checkpoint checkpoint = model::open_checkpoint(path);
        for (const model::CheckpointFile* shard : checkpoint.shards()) {
          if (shard->bytes > 0) subject->files.push_back(shard->real_path);
        }
        if (subject->files.empty()) {
          throw os::Error(
              fmt::format("the checkpoint {} has no weight bytes: there is nothing to read", path));
        }
        subject->path = checkpoint.path;
        subject->bytes = checkpoint.weight_bytes();
        const std::filesystem::path first = subject->files.front();
        subject->storage = storage::inspect_path(first.parent_path());
      });
  return *subject;
}

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

std::string storage_lines(const records::Floor& floor) {
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

std::string verdict_line(const FloorSubject& subject, const records::Floor& floor) {
  const auto seconds = [&](records::FloorKind kind) -> std::string {
    const auto value =
        records::floor_seconds(floor, subject.bytes, kind, records::Destination::gpu);
    return value ? duration(*value) : "not known";
  };
  return fmt::format("{} of checkpoint: floor {} cold, {} from the page cache\n",
                     text::format_bytes(subject.bytes), seconds(records::FloorKind::cold),
                     seconds(records::FloorKind::warm));
}

std::string floor_text(const FloorSubject& subject, const records::Floor& floor) {
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

void print_json(const FloorSubject& subject, const records::Floor& floor) {
  text::json::object out;
  out["path"] = subject.path;
  out["checkpoint_bytes"] = subject.bytes;
  const auto seconds = [&](records::FloorKind kind) {
    return text::or_null(
        records::floor_seconds(floor, subject.bytes, kind, records::Destination::gpu));
  };
  out["floor_s"] = seconds(records::FloorKind::cold);
  out["warm_floor_s"] = seconds(records::FloorKind::warm);
  out["floor"] = records::to_json(floor);
  out["file_system"] = storage::to_json(subject.storage);
  print_out("{}", Lines(text::to_pretty(out)));
}

void measure_and_print(const FloorArguments& arguments) {
  const FloorSubject subject = look_at(arguments.path);
  measure::FloorOptions options = arguments.floor;
  records::Floor floor;
  {
    LiveLine line;
    options.progress = [&line](const std::string& part) { line.draw("floor: " + part); };
    floor = measure::measure_floor(subject.files, subject.storage, options);
  }
  if (os::interrupted()) throw os::Error("interrupted");
  if (!arguments.svg.empty()) {
    os::replace_text(arguments.svg, charts::rate_chart(floor.reads, subject.path));
  }
  if (arguments.json) {
    print_json(subject, floor);
  } else {
    print_out("{}", Lines(floor_text(subject, floor)));
  }
}

}  // namespace

int run_floor(const std::vector<std::string>& args) {
  const auto arguments = parse_floor(args);
  if (!arguments) return k_exit_ok;
  measure_and_print(*arguments);
  return k_exit_ok;
}

}  // namespace coldload::cli
