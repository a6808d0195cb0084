// coldload floor: what a path, its page cache, the bus and the GPU can deliver now.

#include "measure/floor.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "charts/rate_chart.h"
#include "cli/command.h"
#include "cli/floor_text.h"
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
  app.add_option("--svg", arguments.svg, "write the rate over the requests in flight as a chart");
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

// Looks at the path in a thread of its own: a hung mount answers no stat either.
FloorSubject look_at(const std::string& path) {
  struct Shared {
    std::string path;
    FloorSubject subject;
  };
  constexpr std::chrono::seconds k_patience{15};
  const auto shared = std::make_shared<Shared>();
  shared->path = path;
  storage::run_watched(
      1, os::Clock::now() + k_patience, [shared](unsigned, storage::PendingCall& call) {
        call.begin_open(shared->path);
        FloorSubject& subject = shared->subject;
        const model::Checkpoint checkpoint = model::open_checkpoint(shared->path);
        for (const model::CheckpointFile* shard : checkpoint.shards()) {
          if (shard->bytes > 0) subject.files.push_back(shard->real_path);
        }
        if (subject.files.empty()) {
          throw os::Error(fmt::format(
              "the checkpoint {} has no weight bytes: there is nothing to read", shared->path));
        }
        subject.path = checkpoint.path;
        subject.bytes = checkpoint.weight_bytes();
        const std::filesystem::path first = subject.files.front();
        subject.storage = storage::inspect_path(first.parent_path());
      });
  return shared->subject;
}

void print_json(const FloorSubject& subject, const records::Floor& floor) {
  text::json::object out;
  out["path"] = text::valid_utf8(subject.path);
  out["checkpoint_bytes"] = subject.bytes;
  const auto seconds = [&](records::FloorKind kind) {
    return text::or_null(
        records::floor_seconds(floor, subject.bytes, kind, records::Destination::gpu));
  };
  out["floor_s"] = seconds(records::FloorKind::cold);
  out["warm_floor_s"] = seconds(records::FloorKind::warm);
  out["floor"] = records::to_json(floor);
  out["file_system"] = storage::to_json(subject.storage);
  fmt::print("{}", text::to_pretty(out));
}

int measure_and_print(const FloorArguments& arguments) {
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
    fmt::print("{}", floor_text(subject, floor));
  }
  if (std::fflush(stdout) != 0) throw os::SystemError("write", "standard output", errno);
  return k_exit_ok;
}

}  // namespace

int run_floor(const std::vector<std::string>& args) {
  const auto arguments = parse_floor(args);
  if (!arguments) return k_exit_ok;
  try {
    return measure_and_print(*arguments);
  } catch (const os::StallError& error) {
    // A thread is stuck in the kernel: nothing that waits for it may run.
    fmt::print(stderr, "coldload: {}\n", error.what());
    ::_exit(k_exit_failed);
  }
}

}  // namespace coldload::cli
