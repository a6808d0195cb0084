#include "measure/native_target.h"

#include <utility>

#include <fmt/format.h>

#include "os/child_output.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/subprocess.h"
#include "process/end_cause.h"
#include "process/log_pump.h"
#include "process/process_tree.h"

namespace coldload::measure {

namespace {

constexpr std::size_t k_longest_line = 1 << 20;

// The bytes that the loader read with O_DIRECT, from its "routes".
std::optional<std::uint64_t> direct_bytes(const text::json::object& ready) {
  const text::json::object* routes = text::object_at(ready, "routes");
  if (routes == nullptr) return std::nullopt;
  return text::unsigned_at(*routes, "io_uring_direct").value_or(0) +
         text::unsigned_at(*routes, "pread_direct").value_or(0);
}

class LaunchedLoader : public Launched {
 public:
  LaunchedLoader(std::vector<std::string> argv, std::shared_ptr<const os::Fd> log,
                 const NativeOptions& limits)
      : argv_(std::move(argv)),
        timeout_(limits.timeout),
        log_({std::move(log), false, {}, {}, limits.log_limit_bytes}) {
    os::Pipe status = os::make_pipe();
    os::SpawnOptions options;
    options.argv = argv_;
    options.executable = os::k_own_program;
    options.stdout_fd = status.write_end.get();
    options.stderr_fd = log_.write_fd();
    options.new_session = true;
    child_.emplace(options);
    log_.close_write_end();
    tree_.set_root(child_->pid());
    status_ = std::move(status.read_end);
  }

  ~LaunchedLoader() override {
    if (!stopped_) (void)stop();
  }

  [[nodiscard]] os::TimePoint launched_at() const override { return child_->launched_at(); }
  [[nodiscard]] const std::vector<std::string>& argv() const override { return argv_; }
  [[nodiscard]] process::ProcessTree& tree() override { return tree_; }

  process::Readiness wait_ready(const LoadTick& tick) override {
    const os::TimePoint deadline = launched_at() + timeout_;
    process::Readiness seen;
    while (true) {
      const bool has_said =
          os::wait_for_output(status_, os::Clock::now() + std::chrono::milliseconds(100));
      const os::TimePoint now = os::Clock::now();
      if (os::interrupted()) {
        seen.outcome = process::Outcome::interrupted;
        return seen;
      }
      if (has_said && !read_status(now, &seen)) return seen;
      tick(loaded_bytes_);
      if (now >= deadline) {
        seen.outcome = process::Outcome::timed_out;
        seen.reason = fmt::format("not loaded after {:.0f} s", os::Seconds(timeout_).count());
        return seen;
      }
    }
  }

  std::vector<std::string> stop() final {
    stopped_ = true;
    std::vector<std::string> survivors = describe_survivors(tree_.stop(std::chrono::seconds(2)));
    // One that hangs in the kernel is reported, not waited for.
    if (!child_->try_wait()) child_->detach();
    log_.finish();
    account_.log_problem = log_.log_problem();
    return survivors;
  }

  [[nodiscard]] Account account(const process::Readiness& /*seen*/) override { return account_; }

 private:
  // Takes what the loader wrote. False once the outcome is decided.
  bool read_status(os::TimePoint now, process::Readiness* seen) {
    if (!os::read_some(status_, &buffer_)) {
      const auto exit = child_->wait_until(os::Clock::now() + std::chrono::seconds(5));
      seen->reason =
          fmt::format("the native loader ended with {}",
                      exit ? process::end_text(*exit, memory_kills_before_, process::memory_kills())
                           : "no exit code");
      return false;
    }
    for (const std::string& line : os::take_lines(&buffer_)) {
      if (!take_line(line, now)) continue;
      seen->outcome = process::Outcome::ready;
      seen->ready_at = now;
      return false;
    }
    if (buffer_.size() > k_longest_line) throw os::Error("the native loader's status has no end");
    return true;
  }

  // True when the line says that everything is loaded.
  bool take_line(std::string_view line, os::TimePoint now) {
    const auto value = text::parse_json(line, nullptr);
    if (!value || !value->is_object()) return false;
    const text::json::object& object = value->get_object();
    const std::string event = text::string_at(object, "event").value_or("");
    if (event == "progress") loaded_bytes_ = text::unsigned_at(object, "bytes");
    if (event == "phase" && text::string_at(object, "name") == "weights") weights_begin_ = now;
    if (event != "ready") return false;
    account_.reported = object;
    account_.reported.erase("event");
    account_.direct_bytes = direct_bytes(object);
    if (weights_begin_) {
      const double begin_s = os::seconds_between(launched_at(), *weights_begin_);
      const double end_s = os::seconds_between(launched_at(), now);
      account_.phases = {{"start", 0, begin_s, "loader"}, {"weights", begin_s, end_s, "loader"}};
    }
    return true;
  }

  process::ProcessTree tree_;  // first: it notes who was there before the launch
  std::vector<std::string> argv_;
  std::chrono::nanoseconds timeout_;
  const std::optional<std::uint64_t> memory_kills_before_ = process::memory_kills();
  process::LogPump log_;
  std::optional<os::Subprocess> child_;
  os::Fd status_;
  std::string buffer_;
  std::optional<std::uint64_t> loaded_bytes_;
  std::optional<os::TimePoint> weights_begin_;
  Account account_;
  bool stopped_ = false;
};

class NativeTarget : public Target {
 public:
  explicit NativeTarget(NativeOptions options) : options_(std::move(options)) {}

  [[nodiscard]] std::string name() const override { return "native"; }
  [[nodiscard]] bool can_pace() const override { return true; }

  [[nodiscard]] std::vector<std::string> planned_argv(
      const std::string& model_path) const override {
    std::vector<std::string> argv = options_.command;
    argv.push_back(model_path);
    return argv;
  }

  [[nodiscard]] std::unique_ptr<Launched> launch(const LaunchRequest& request) override {
    std::vector<std::string> argv = planned_argv(request.model_path);
    // It keeps what it loaded until it is stopped, as a server does: GPU memory is looked at then.
    argv.emplace_back("--hold");
    if (request.pace) {
      argv.emplace_back("--pace");
      argv.push_back(request.pace->spec);
    }
    return std::make_unique<LaunchedLoader>(std::move(argv), request.log, options_);
  }

 private:
  NativeOptions options_;
};

}  // namespace

std::unique_ptr<Target> make_native_target(NativeOptions options) {
  return std::make_unique<NativeTarget>(std::move(options));
}

}  // namespace coldload::measure
