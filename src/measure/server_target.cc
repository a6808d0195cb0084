#include "measure/server_target.h"

#include <utility>

#include "serve/port.h"
#include "serve/server_process.h"

namespace coldload::measure {

namespace {

class LaunchedServer : public Launched {
 public:
  explicit LaunchedServer(const serve::LaunchOptions& options)
      : argv_(options.argv), server_(options) {}

  [[nodiscard]] os::TimePoint launched_at() const override { return server_.launched_at(); }
  [[nodiscard]] const std::vector<std::string>& argv() const override { return argv_; }
  [[nodiscard]] serve::ProcessTree& tree() override { return server_.tree(); }

  ReadyOutcome wait_ready(const std::function<void(const LoadProgress&)>& tick) override {
    const serve::Readiness seen = server_.wait_ready([&] { tick({}); });
    ReadyOutcome outcome;
    outcome.reason = seen.reason;
    switch (seen.outcome) {
      case serve::Outcome::ready:
        outcome.kind = ReadyKind::ready;
        outcome.ready_at = *seen.ready_at;
        return outcome;
      case serve::Outcome::interrupted:
        outcome.kind = ReadyKind::interrupted;
        return outcome;
      case serve::Outcome::timed_out:
        outcome.kind = ReadyKind::timed_out;
        break;
      case serve::Outcome::exited:
      case serve::Outcome::not_ours:
        outcome.kind = ReadyKind::failed;
        break;
    }
    return outcome;
  }

  std::vector<std::string> stop() override {
    std::vector<std::string> left = describe_survivors(server_.stop());
    if (!left.empty()) return left;
    if (const auto held = server_.port_still_held()) {
      left.push_back(*held + " (end that process, or use another port)");
    }
    return left;
  }

 private:
  std::vector<std::string> argv_;
  serve::ServerProcess server_;
};

class ServerTarget : public Target {
 public:
  explicit ServerTarget(ServerOptions options) : options_(std::move(options)) {}

  [[nodiscard]] std::string name() const override { return "generic"; }
  [[nodiscard]] bool can_pace() const override { return false; }

  [[nodiscard]] std::vector<std::string> planned_argv(
      const std::string& model_path) const override {
    std::vector<std::string> argv = options_.argv;
    for (std::string& word : argv) {
      const std::size_t at = word.find("{model}");
      if (at != std::string::npos) word.replace(at, 7, model_path);
    }
    return argv;
  }

  [[nodiscard]] std::unique_ptr<Launched> launch(const LaunchRequest& request) override {
    serve::ArgvValues values;
    values.model = request.model_path;
    values.max_model_len = options_.max_model_len;
    values.port =
        options_.ready.choose_port ? std::optional(serve::choose_free_port()) : options_.ready.port;
    serve::LaunchOptions launch;
    launch.argv = serve::substitute(options_.argv, values);
    launch.environment = options_.environment;
    launch.log_path = request.log_path;
    launch.echo = options_.echo;
    launch.ready_url = serve::substitute(options_.ready.url, values);
    launch.timeout = options_.timeout;
    return std::make_unique<LaunchedServer>(launch);
  }

 private:
  ServerOptions options_;
};

}  // namespace

std::unique_ptr<Target> make_server_target(ServerOptions options) {
  return std::make_unique<ServerTarget>(std::move(options));
}

}  // namespace coldload::measure
