#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/values.h"
#include "os/interrupt.h"
#include "os/standard_streams.h"
#include "os/subprocess.h"
#include "stand_in/delivery.h"
#include "stand_in/mount_point.h"
#include "stand_in/server.h"
#include "stand_in/stand_in.h"
#include "text/json.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

struct ShapeFlags {
  stand_in::Options options;  // with all that needs no more than to be read
  std::vector<std::string> mount_points;
  std::string preset;
  std::string rate;
  std::string latency = "1ms";
  std::string serve;
  bool no_measure = false;
  bool daemon = false;
  bool json = false;
};

constexpr const char* k_rate_wanted = "a rate above zero, as in 250MB/s";

std::optional<std::uint32_t> parse_request_size(std::string_view text) {
  constexpr std::uint64_t k_least = 4096;
  constexpr std::uint64_t k_most = 1ULL << 30;
  const auto bytes = text::parse_size(text);
  if (!bytes || *bytes < k_least || *bytes > k_most) return std::nullopt;
  return static_cast<std::uint32_t>(*bytes);
}

stand_in::Pace pace_of(const ShapeFlags& flags) {
  if (!flags.preset.empty()) return stand_in::preset_pace(flags.preset);
  stand_in::Pace pace = flags.options.pace;
  pace.rate_bytes_per_s = wanted(text::parse_rate(flags.rate), "--rate", flags.rate, k_rate_wanted);
  pace.latency =
      wanted(text::parse_duration(flags.latency), "--latency", flags.latency, "a time, as in 1ms");
  stand_in::check_pace(pace);
  return pace;
}

// Throws UsageError for what cannot be right.
void complete(ShapeFlags* flags) {
  if (flags->options.source.empty()) throw UsageError("shape: SRC is required");
  if (flags->mount_points.empty()) throw UsageError("shape: MOUNTPOINT is required");
  flags->options.mount_point = flags->mount_points.front();
  flags->options.more_mount_points.assign(flags->mount_points.begin() + 1,
                                          flags->mount_points.end());
  flags->options.pace = as_usage([&] { return pace_of(*flags); });
}

std::string figure(const std::optional<double>& bytes_per_s) {
  return bytes_per_s ? text::format_rate(*bytes_per_s) : "not measured";
}

void print_ready(const stand_in::Description& description,
                 const std::vector<std::string>& mount_points, pid_t pid, bool json) {
  if (json) {
    text::json::object object = stand_in::to_json(description);
    object["mount_points"] = text::json::value_from(mount_points);
    object["pid"] = pid;
    const std::string shortfall = stand_in::shortfall(description);
    object["shortfall"] = shortfall;
    print_out("{}\n", text::to_line(object));
    return;
  }
  for (const std::string& point : mount_points) {
    print_out("{} is {} at {} (pid {})\n", point, description.source,
              stand_in::to_string(description.pace), pid);
  }
  if (description.backing == stand_in::Backing::cold) {
    print_out("backing files: read from their disk each time\n");
  } else if (description.warmed == false) {
    print_out(
        "backing files: not read beforehand, they are more than half of the available memory; "
        "their disk may be slower than the rate\n");
  }
  if (description.faults.any()) print_out("faults: {}\n", stand_in::to_string(description.faults));
  const stand_in::Delivered& delivered = description.delivered;
  if (delivered.read_bytes_per_s || delivered.mmap_bytes_per_s || delivered.parallel_bytes_per_s) {
    print_out("delivered: {} to read, {} to mmap, {} to four readers (readahead {} KiB)\n",
              figure(delivered.read_bytes_per_s), figure(delivered.mmap_bytes_per_s),
              figure(delivered.parallel_bytes_per_s),
              description.readahead_bytes.value_or(0) >> 10);
  }
  if (!delivered.not_measured.empty()) print_out("not measured: {}\n", delivered.not_measured);
  const std::string shortfall = stand_in::shortfall(description);
  if (!shortfall.empty()) print_out("not the rate asked for: {}\n", shortfall);
}

// A background process keeps nothing of the terminal or pipe that it was started from.
void let_go_of_terminal() {
  const os::Fd nothing = os::open_file("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.get(), fd);
}

int serve_in_foreground(const ShapeFlags& flags) {
  const stand_in::Options& options = flags.options;
  for (const std::string& point : flags.mount_points) {
    for (const std::string& cleared : stand_in::clear_leftovers(point)) {
      print_err("coldload: {}\n", cleared);
    }
  }
  stand_in::StandIn stand_in =
      flags.no_measure ? stand_in::StandIn(options) : stand_in::mount(options);
  print_ready(stand_in.description(), stand_in.mount_points(), ::getpid(), flags.json);
  os::finish_standard_output();  // a mount that nobody was told of is of no use
  if (options.detached) let_go_of_terminal();
  while (stand_in.serving()) {
    if (os::interrupted()) return k_exit_ok;  // being ended is how a mount ends
    std::array<pollfd, 2> waits{{{os::interrupt_fd(), POLLIN, 0}, {stand_in.pid_fd(), POLLIN, 0}}};
    constexpr int k_look_every_ms = 500;
    ::poll(waits.data(), waits.size(), k_look_every_ms);
  }
  const os::ExitStatus ended = stand_in.wait();
  if (ended.success()) return k_exit_ok;
  throw os::Error(
      ended.code == stand_in::k_exit_source_gone
          ? fmt::format("{} is no longer there: unmounted {}", options.source, stand_in.path())
          : fmt::format("the server of {} ended ({}): unmounted", stand_in.path(), ended.text()));
}

// Starts the same command as a session of its own and passes on what it prints until it serves.
int serve_in_background(const std::vector<std::string>& args) {
  os::SpawnOptions spawn;
  spawn.argv = {os::k_own_program, "shape"};
  spawn.argv.insert(spawn.argv.end(), args.begin(), args.end());
  spawn.argv.emplace_back("--daemonized");
  os::Pipe output = os::make_pipe();
  spawn.stdout_fd = output.write_end.get();
  spawn.new_session = true;
  os::Subprocess server(spawn);
  output.write_end.reset();
  constexpr std::size_t k_most_said = 1 << 20;
  std::string said;
  while (true) {
    // Ctrl-C does not reach another session by itself.
    if (os::interrupted()) server.send_signal(SIGTERM);
    pollfd wait{output.read_end.get(), POLLIN, 0};
    constexpr int k_step_ms = 200;
    if (::poll(&wait, 1, k_step_ms) <= 0) continue;
    if (!os::read_some(output.read_end, &said)) break;
    said.resize(std::min(said.size(), k_most_said));
  }
  if (said.empty() || os::interrupted()) {
    if (os::interrupted()) server.send_signal(SIGTERM);
    const os::ExitStatus ended = server.wait();
    if (os::interrupted()) return k_exit_interrupted;
    return ended.signal == 0 && ended.code != 0 ? ended.code : k_exit_failed;
  }
  print_out("{}", Lines(said));
  try {
    os::finish_standard_output();
  } catch (const os::Error&) {
    server.send_signal(SIGTERM);
    server.wait();
    throw;
  }
  server.detach();
  return k_exit_ok;
}

void add_pace(CLI::App* app, ShapeFlags* flags) {
  stand_in::Pace* const pace = &flags->options.pace;
  app->option_defaults()->group("The pace");
  auto* preset = app->add_option("--preset", flags->preset,
                                 "the pace of a model instead of the figures below: efs-elastic "
                                 "(docs/stand-in.md has all)")
                     ->type_name("NAME");
  app->add_option("--rate", flags->rate,
                  "bytes per second for all readers together, on all mount points: 250MB/s")
      ->type_name("RATE")
      ->excludes(preset);
  app->add_option("--latency", flags->latency, "added to every request")
      ->type_name("TIME")
      ->capture_default_str()
      ->excludes(preset);
  app->add_option("--iops", pace->requests_per_s, "most read requests per second (no limit)")
      ->check(CLI::PositiveNumber)
      ->excludes(preset);
  add_read(app, "--per-client", &pace->client_bytes_per_s, text::parse_rate, k_rate_wanted,
           "bytes per second for each mount point (no limit)")
      ->type_name("RATE")
      ->excludes(preset);
  add_read(app, "--per-stream", &pace->stream_bytes_per_s, text::parse_rate, k_rate_wanted,
           "bytes per second for each open file, as an object store's (no limit)")
      ->type_name("RATE")
      ->excludes(preset);
}

void add_faults(CLI::App* app, stand_in::ReadFaults* faults) {
  app->option_defaults()->group("Faults, for tests");
  add_read(app, "--fail-after", &faults->fail_after_bytes, text::parse_size, "a size",
           "reads fail with EIO after so many bytes")
      ->type_name("SIZE");
  add_read(app, "--hang-after", &faults->hang_after_bytes, text::parse_size, "a size",
           "reads hang after so many bytes, until the mount ends")
      ->type_name("SIZE");
  app->add_option("--error-rate", faults->error_share,
                  "share of the read requests that fail with EIO: 0.01")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE");
  app->add_option("--error-seed", faults->seed, "chooses which requests fail")
      ->capture_default_str();
}

void add_mount(CLI::App* app, ShapeFlags* flags) {
  constexpr const char* k_size_wanted = "a size of 4 KiB to 1 GiB, as in 1MiB";
  stand_in::Options* const options = &flags->options;
  app->option_defaults()->group("The mount");
  add_read(app, "--readahead", &options->readahead_bytes, parse_request_size, k_size_wanted,
           "of the mount, as NFS's 128KiB (default: what rate and latency need; root)")
      ->type_name("SIZE");
  app->add_flag_callback(
      "--follow-links", [=] { options->links = stand_in::OutsideLinks::as_files; },
      "show links that leave SRC as the files they point to");
  app->add_flag_callback(
      "--cold-backing", [=] { options->backing = stand_in::Backing::cold; },
      "read SRC's files from their disk each time, not from memory");
  app->add_flag_callback(
      "--allow-other", [=] { options->access = stand_in::MountAccess::everybody; },
      "let other users than this one look at it");
  app->add_flag("--no-measure", flags->no_measure, "mount at once, without warming and measuring");
  app->add_flag("--daemon", flags->daemon, "go on in the background once mounted and measured");
  app->add_flag("--json", flags->json, "print what is mounted and delivered as one JSON line");
  add_read(app, "--request", &options->request_bytes, parse_request_size, k_size_wanted, "")
      ->group("");
}

}  // namespace

int run_shape(const std::vector<std::string>& args) {
  CLI::App app{"Mounts SRC at MOUNTPOINT, read-only, at a network's pace; until Ctrl-C.",
               "coldload shape"};
  ShapeFlags flags;
  app.add_option("SRC", flags.options.source, "directory to show");
  app.add_option("MOUNTPOINT", flags.mount_points,
                 "empty directory, or one to be created; several are clients that share the rate");
  add_pace(&app, &flags);
  add_faults(&app, &flags.options.faults);
  add_mount(&app, &flags);
  app.add_option("--serve", flags.serve, "")->group("");
  app.add_flag("--daemonized", flags.options.detached, "")->group("");
  if (!parse(app, args)) return k_exit_ok;
  if (!flags.serve.empty()) return stand_in::serve(flags.serve, STDIN_FILENO);
  complete(&flags);
  const bool goes_behind = flags.daemon && !flags.options.detached;
  return goes_behind ? serve_in_background(args) : serve_in_foreground(flags);
}

}  // namespace coldload::cli
