#include "measure/server_target.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/error.h"
#include "os/subprocess.h"
#include "process/port.h"
#include "process/server_process.h"
#include "run/entrypoint.h"
#include "server/startup_log.h"
#include "server/version_probe.h"

namespace coldload::measure {

namespace {

constexpr std::chrono::seconds k_token_patience{120};

class LaunchedServer : public Launched {
 public:
  // `told`: what the server is told, without placeholders. `port`: where one was chosen for it.
  LaunchedServer(const server::ServerKind& kind, process::LaunchOptions options,
                 const server::Invocation& told, const LaunchRequest& request,
                 std::optional<process::ReservedPort> port)
      : port_(std::move(port)),
        options_(std::move(options)),
        read_ahead_(request.read_ahead),
        ready_url_(process::parse_ready_url(options_.ready_url)),
        completion_(kind.completion == nullptr ? std::nullopt
                                               : kind.completion(told, request.model_path)),
        log_(kind.grammar),
        server_(listening(options_)) {
    if (completion_ && completion_->api_key.empty()) {
      completion_->api_key = value_for_server(kind.api_key_variable);
    }
  }

  [[nodiscard]] os::TimePoint launched_at() const override { return server_.launched_at(); }
  [[nodiscard]] std::optional<os::TimePoint> spawned_at() const override {
    return server_.spawned_at();
  }
  [[nodiscard]] const std::vector<std::string>& argv() const override { return options_.argv; }
  [[nodiscard]] process::ProcessTree& tree() override { return server_.tree(); }

  process::Readiness wait_ready(const LoadTick& tick) override {
    return server_.wait_ready([&] { tick(std::nullopt); });
  }

  // With patience: a first request may compile.
  std::optional<FirstToken> first_token() override {
    if (!completion_) return std::nullopt;
    const os::TimePoint asked = os::Clock::now();
    const server::TokenOutcome token =
        server::request_first_token(ready_url_, *completion_, k_token_patience);
    if (token.at) return FirstToken{os::seconds_between(asked, *token.at), token.reason};
    // It may have died of the request; its end is told a moment later.
    const os::TimePoint patience = os::Clock::now() + std::chrono::milliseconds(500);
    while (!server_.ended() && os::Clock::now() < patience) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return FirstToken{std::nullopt, token.reason};
  }

  std::vector<std::string> stop() override {
    end_before_stop_ = server_.ended_by_now();
    std::vector<std::string> left = describe_survivors(server_.stop());
    if (!left.empty()) return left;
    if (const auto held = server_.port_still_held()) {
      left.push_back(*held + " (end that process, or use another port)");
    }
    return left;
  }

  // The pump has ended with stop(): nobody feeds the log any more.
  [[nodiscard]] Account account(const process::Readiness& seen) override {
    log_.finish();
    Account account;
    account.reported = log_.reported();
    account.log_problem = server_.why_output_is_cut();
    if (const auto why = why_not_read_ahead())
      account.reported[records::k_not_read_ahead_key] = *why;
    if (seen.outcome == process::Outcome::ready) {
      for (const server::LogPhase& phase : log_.phases(launched_at(), *seen.ready_at)) {
        account.phases.push_back({phase.name, phase.start_s, phase.end_s, "log"});
      }
    }
    account.explanation = fmt::format("{}", fmt::join(words_on_failure(seen.outcome), "; "));
    return account;
  }

 private:
  // What is known of why it failed, or ended after it was ready.
  [[nodiscard]] std::vector<std::string> words_on_failure(process::Outcome outcome) const {
    std::vector<std::string> words;
    if (outcome == process::Outcome::ready) {
      if (!end_before_stop_) return words;
      words.push_back(*end_before_stop_ + " after it was ready");
    }
    const bool timed_out = outcome == process::Outcome::timed_out;
    if (timed_out && !log_.last_phase().empty()) {
      words.push_back("the last phase that its log told of: " + log_.last_phase());
    }
    if (const std::string failure = log_.failure(); !failure.empty()) {
      words.push_back((timed_out ? "its log also says: " : "") + failure);
    }
    return words;
  }

  // The reason that `coldload run` gave in the log, which it shares with the server.
  [[nodiscard]] std::optional<std::string> why_not_read_ahead() const {
    if (!read_ahead_) return std::nullopt;
    std::ifstream log(os::path_by_descriptor(*options_.log));
    for (std::string line; std::getline(log, line);) {
      const std::size_t at = line.find(run::k_not_read_ahead);
      if (at != std::string::npos) return line.substr(at);
    }
    return std::nullopt;
  }

  // A variable's value as the server sees it.
  [[nodiscard]] std::string value_for_server(std::string_view name) const {
    const char* const ours = name.empty() ? nullptr : std::getenv(std::string(name).c_str());
    std::string value = ours == nullptr ? "" : ours;
    for (const auto& [key, set] : options_.environment) {
      if (key == name) value = set;  // the last one stands
    }
    return value;
  }

  process::LaunchOptions listening(process::LaunchOptions options) {
    options.on_output = [this](os::TimePoint received, std::string_view piece) {
      log_.feed(received, piece);
    };
    return options;
  }

  const std::optional<process::ReservedPort> port_;  // held until the server is gone
  const process::LaunchOptions options_;
  const bool read_ahead_;
  const process::ReadyUrl ready_url_;
  std::optional<server::CompletionRequest> completion_;
  server::StartupLog log_;  // before the server: its pump feeds it
  process::ServerProcess server_;
  std::optional<std::string> end_before_stop_;  // in words, if it ended by itself
};

// The kind's own variables, as far as the user's environment does not say otherwise; then the
// caches; what the user gave for the server stands above both.
server::Environment united_environment(const ServerOptions& options,
                                       const server::RuntimeCaches* caches) {
  server::Environment united;
  for (auto& [name, value] : server::environment_of(*options.command.kind, options.timeout)) {
    if (std::getenv(name.c_str()) == nullptr) united.emplace_back(name, value);
  }
  if (caches != nullptr) {
    for (auto& variable : caches->environment()) united.push_back(std::move(variable));
  }
  united.insert(united.end(), options.environment.begin(), options.environment.end());
  return united;
}

// The name that we had at the start, so that server::look_through() knows it and a log or `ps`
// names it. The kernel marks that of a file which has been replaced.
std::string own_name() {
  constexpr std::string_view k_mark = " (deleted)";
  std::error_code error;
  std::string name = std::filesystem::read_symlink(os::k_own_program, error);
  if (error) throw os::SystemError("read", os::k_own_program, error.value());
  if (name.ends_with(k_mark)) name.resize(name.size() - k_mark.size());
  return name;
}

class ServerTarget : public Target {
 public:
  explicit ServerTarget(ServerOptions options) : options_(std::move(options)) {
    server::ServerCommand& command = options_.command;
    const server::ServerKind& kind = *command.kind;
    if (kind.pinned_flags == nullptr) return;
    if (!knows_its_flags()) return;
    version_ = server::installed_version(command.argv, kind.package,
                                         united_environment(options_, nullptr));
    if (!version_) return;
    pinned_ = kind.pinned_flags(*version_, command.settings);
    command.argv.insert(command.argv.end(), pinned_.begin(), pinned_.end());
  }

  [[nodiscard]] std::string name() const override {
    return std::string(options_.command.kind->name);
  }
  [[nodiscard]] bool can_pace() const override { return false; }

  [[nodiscard]] std::vector<std::string> planned_argv(
      const std::string& model_path) const override {
    std::vector<std::string> argv = options_.command.argv;
    for (std::string& word : argv) {
      const std::size_t at = word.find("{model}");
      if (at != std::string::npos) word.replace(at, 7, model_path);
    }
    return argv;
  }

  [[nodiscard]] std::vector<std::string> about() const override {
    const server::ServerCommand& command = options_.command;
    std::string asked = options_.ready.url;
    if (const std::size_t at = asked.find("{port}"); options_.ready.port && at < asked.size()) {
      asked.replace(at, 6, std::to_string(*options_.ready.port));
    }
    std::vector<std::string> lines{server::describe(command)};
    if (version_) lines[0] += ", version " + *version_;
    lines[0] += "; asked at " + asked;
    if (const std::string pinned = about_pinned(); !pinned.empty()) lines.push_back(pinned);
    for (const std::string& remark : command.remarks) lines.push_back("note: " + remark);
    return lines;
  }

  [[nodiscard]] std::vector<Footprint> footprint() const override {
    std::vector<Footprint> parts{
        {"start",
         "`coldload guard` with each server, in a cgroup of its own below coldload's where "
         "one may be made"}};
    if (!options_.ready.port && options_.ready.url.find("{port}") != std::string::npos) {
      parts.push_back({"port", "a free one, chosen anew for each start"});
    }
    if (options_.compile_cache != server::CompileCache::keep) {
      parts.push_back({"write", server::RuntimeCaches::pattern(options_.cache_directory) +
                                    ": what the server compiles, gone in the end"});
    }
    return parts;
  }

  [[nodiscard]] text::json::object facts() const override {
    text::json::object facts;
    facts["installed_version"] = version_ ? text::json::value(*version_) : text::json::value();
    facts["pinned_flags"] = text::json::array(pinned_.begin(), pinned_.end());
    facts["compile_cache"] = std::string(server::to_string(options_.compile_cache));
    text::json::object environment;
    for (const auto& [name, value] :
         options_.secrets.redact_environment(united_environment(options_, nullptr))) {
      environment[name] = value;
    }
    facts["environment"] = std::move(environment);
    return facts;
  }

  void prepare(Caches caches) override {
    if (!caches_) {
      caches_.emplace(options_.compile_cache, options_.cache_directory);
      server::Environment variables = united_environment(options_, &*caches_);
      const auto& own = options_.command.invocation.variables;
      variables.insert(variables.end(), own.begin(), own.end());
      cache_folders_ = server::cache_folders(variables);
    }
    caches_->prepare_launch(caches == Caches::emptied);
  }

  [[nodiscard]] std::vector<std::string> cache_folders() const override { return cache_folders_; }

  [[nodiscard]] std::unique_ptr<Launched> launch(const LaunchRequest& request) override {
    server::ArgvValues values;
    values.model = request.model_path;
    values.max_model_len = options_.max_model_len;
    std::optional<process::ReservedPort> chosen;
    if (options_.ready.choose_port) chosen = process::reserve_free_port();
    values.port = chosen ? std::optional(chosen->number()) : options_.ready.port;
    process::LaunchOptions launch;
    launch.argv = server::substitute(options_.command.argv, values);
    launch.environment = united_environment(options_, caches_ ? &*caches_ : nullptr);
    launch.log = request.log;
    launch.echo = options_.echo;
    launch.secrets = options_.secrets;
    launch.ready_url = server::substitute(options_.ready.url, values);
    if (request.read_ahead) {
      launch.executable = os::k_own_program;
      std::vector<std::string> run{own_name(), "run", "--ready-url", launch.ready_url};
      if (!request.weights.empty()) run.insert(run.end(), {"--weights", request.weights});
      run.insert(run.end(), {request.model_path, "--"});
      launch.argv.insert(launch.argv.begin(), run.begin(), run.end());
    }
    launch.timeout = options_.timeout;
    launch.log_limit_bytes = options_.log_limit_bytes;
    server::Invocation told = options_.command.invocation;
    told.arguments = server::substitute(options_.command.settings, values);
    return std::make_unique<LaunchedServer>(*options_.command.kind, std::move(launch), told,
                                            request, std::move(chosen));
  }

 private:
  // A start script of that server would not.
  [[nodiscard]] bool knows_its_flags() const {
    return options_.command.kind->recognises(options_.command.invocation);
  }

  [[nodiscard]] std::string about_pinned() const {
    const server::ServerKind& kind = *options_.command.kind;
    if (kind.pinned_flags == nullptr) return "";
    if (!pinned_.empty()) {
      return fmt::format("{} is added: one way of loading for every path", fmt::join(pinned_, " "));
    }
    if (!knows_its_flags()) {
      return fmt::format("nothing is pinned: {} need not know {}'s flags",
                         options_.command.invocation.program, kind.name);
    }
    if (!version_) {
      return fmt::format("nothing is pinned: which version of {} it is cannot be told", kind.name);
    }
    return "nothing is pinned: its command or its version says how it loads";
  }

  ServerOptions options_;
  std::optional<std::string> version_;
  std::vector<std::string> pinned_;
  std::optional<server::RuntimeCaches> caches_;
  std::vector<std::string> cache_folders_;  // found once: no launch may lead the walk elsewhere
};

}  // namespace

std::unique_ptr<Target> make_server_target(ServerOptions options) {
  return std::make_unique<ServerTarget>(std::move(options));
}

}  // namespace coldload::measure
