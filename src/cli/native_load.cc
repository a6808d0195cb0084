#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/values.h"
#include "gpu/cuda.h"
#include "load/loader.h"
#include "model/checkpoint.h"
#include "model/headers.h"
#include "os/clock.h"
#include "os/crew.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "text/json.h"

namespace coldload::cli {

namespace {

namespace json = text::json;

struct Arguments {
  std::string path;
  std::string weights;  // a pattern; empty: guessed
  load::Options load;
  std::string no_gpu;  // why the bytes go into host memory though nobody asked for that
  bool hold = false;
  int status_fd = STDOUT_FILENO;
};

// As load::Into has them.
constexpr std::array<std::string_view, 3> k_destinations{"ring", "host", "gpu"};

// Without a wish: a GPU if there is one.
void choose_destination(const std::string& into, Arguments& arguments) {
  const auto* const named = std::find(k_destinations.begin(), k_destinations.end(), into);
  if (named != k_destinations.end()) {
    arguments.load.into = static_cast<load::Into>(named - k_destinations.begin());
    return;
  }
  if (!into.empty()) throw UsageError(fmt::format("--into {}: write gpu, host or ring", into));
  const os::Availability gpu = gpu::Device::find().availability;
  if (gpu.ok) {
    arguments.load.into = load::Into::gpu;
  } else {
    arguments.no_gpu = gpu.reason;
  }
}

std::optional<Arguments> parse_native_load(const std::vector<std::string>& args) {
  Arguments arguments;
  std::string into;
  CLI::App app("load a checkpoint into memory, as a process of its own", "coldload native-load");
  app.add_option("PATH", arguments.path, "checkpoint directory or .gguf file")->required();
  add_weights(&app, &arguments.weights);
  app.add_option("--native-threads", arguments.load.threads, "threads (0: choose)");
  add_size(&app, "--native-ring", &arguments.load.ring_bytes, "most memory that data lands in");
  add_pacing(&app, &arguments.load.pacing, "hold the reads to RATE or RATE,LATENCY");
  add_time(&app, "--io-stall-timeout", &arguments.load.io_stall_timeout,
           "give up when a read takes that long");
  app.add_flag("--verify", arguments.load.verify, "compute a checksum of what arrived");
  app.add_option("--into", into,
                 "gpu, host, or ring: nowhere, which measures the path alone (a GPU if there is "
                 "one, else ring)");
  app.add_option("--gpu", arguments.load.gpu, "which GPU, as CUDA_VISIBLE_DEVICES counts");
  app.add_flag("--hold", arguments.hold,
               "keep what was loaded until nobody reads the status lines");
  app.add_option("--status-fd", arguments.status_fd, "where the JSON lines go");
  if (!parse(app, args)) return std::nullopt;
  choose_destination(into, arguments);
  return arguments;
}

// Events are JSON lines; each is written at once.
void put(const os::Fd& status, const json::object& event) {
  os::write_full(status, text::to_line(event) + "\n");
}

std::atomic<bool> g_holding{false};

// Nobody reads the status lines any more: whoever started this is gone, and may have been killed. A
// thread of its own sees that while reads hang.
void end_with_the_reader(int status_fd) {
  os::Crew(1, [status_fd](unsigned) {
    pollfd entry{status_fd, 0, 0};  // POLLERR and POLLHUP come unasked
    while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
    }
    if ((entry.revents & (POLLERR | POLLHUP)) == 0) return;
    if (g_holding) ::_exit(k_exit_ok);
    constexpr std::string_view k_message = "coldload: nobody reads the status lines\n";
    [[maybe_unused]] const auto put = ::write(STDERR_FILENO, k_message.data(), k_message.size());
    ::_exit(k_exit_failed);
  }).leave_behind();
}

json::object ready_event(const Arguments& arguments, const load::Result& result, double headers_s) {
  return {{"event", "ready"},
          {"bytes", result.bytes},
          {"destination", k_destinations.at(static_cast<std::size_t>(arguments.load.into))},
          {"no_gpu", text::or_null(arguments.no_gpu)},
          {"context_s", text::or_null(result.context_s)},
          {"pin_s", text::or_null(result.pin_s)},
          {"allocate_s", text::or_null(result.allocate_s)},
          {"headers_s", headers_s},
          {"read_s", result.read_s},
          {"routes", json::object{{"io_uring_direct", result.routes.io_uring_direct},
                                  {"io_uring_buffered", result.routes.io_uring_buffered},
                                  {"pread_direct", result.routes.pread_direct},
                                  {"pread_buffered", result.routes.pread_buffered}}},
          {"fallbacks", json::array(result.fallbacks.begin(), result.fallbacks.end())},
          {"checksum", text::or_null(result.checksum.value_or(""))},
          {"ring_bytes", result.ring_bytes},
          {"threads", result.threads},
          {"queue_depth", result.queue_depth},
          {"in_flight", result.in_flight}};
}

void load_checkpoint(const Arguments& arguments, const os::Fd& status) {
  const os::TimePoint started = os::Clock::now();
  const auto phase = [&](const char* name) {
    const double t_s = os::seconds_between(started, os::Clock::now());
    put(status, {{"event", "phase"}, {"name", name}, {"t_s", t_s}});
    return t_s;
  };
  phase("start");
  load::Loader loader(arguments.load);  // prepares its memory while the headers are read
  const model::Checkpoint checkpoint = model::open_checkpoint(arguments.path, arguments.weights);
  std::vector<load::Shard> shards;
  for (const model::CheckpointFile* file : checkpoint.shards()) {
    shards.push_back({file->real_path, file->bytes});
  }
  (void)model::read_headers(checkpoint, std::max(1U, std::thread::hardware_concurrency()));
  const double headers_s = phase("weights");
  const load::Result result = loader.load(shards, [&](std::uint64_t bytes) {
    put(status, {{"event", "progress"}, {"bytes", bytes}});
  });
  g_holding = arguments.hold;
  put(status, ready_event(arguments, result, headers_s));
  pollfd interrupt{os::interrupt_fd(), POLLIN, 0};
  while (arguments.hold && !os::interrupted()) ::poll(&interrupt, 1, -1);
}

}  // namespace

int run_native_load(const std::vector<std::string>& args) {
  const auto arguments = parse_native_load(args);
  if (!arguments) return k_exit_ok;
  // One of our own: whoever polls status_fd may do so to the end.
  const os::Fd status(::fcntl(arguments->status_fd, F_DUPFD_CLOEXEC, 0), "the status lines");
  end_with_the_reader(arguments->status_fd);
  load_checkpoint(*arguments, status);
  return k_exit_ok;
}

}  // namespace coldload::cli
