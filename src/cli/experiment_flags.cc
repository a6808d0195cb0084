#include "cli/experiment_flags.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "cli/arm_flags.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/server_flags.h"
#include "cli/version.h"
#include "measure/subject.h"
#include "process/ready_url.h"
#include "records/baseline.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

// The flags as CLI11 fills them, before they mean anything.
struct RawFlags {
  ArmFlags arms;
  std::string runs = "5";
  std::string precision;
  std::optional<std::uint64_t> max_runs;
  std::string max_time;
  std::uint64_t warm_runs = 1;
  std::optional<std::uint64_t> warm_up;
  std::string out = "coldload-results";
  std::string setup;
  std::string prepare;
  std::string cleanup;
  std::string order = "random";
  std::optional<std::uint64_t> seed;
  std::string cold = "verify";
  bool drop_caches = false;
  ServerFlags server;
  std::string timeout = "1800s";
  std::string model_name;
  std::string baseline;
  std::vector<std::string> budgets;
  std::optional<double> gpu_hour;
  std::string note;
  std::vector<std::string> conditions;
  bool ignore_failure = false;
  bool no_timeline = false;
  bool no_floor = false;
  std::uint64_t native_threads = 0;
  std::string native_ring;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

void add_flags(CLI::App* app, ExperimentCommand command, RawFlags* raw) {
  add_arm_flags(app, command, &raw->arms);
  app->add_option("-r,--runs", raw->runs,
                  "cold runs per arm; auto: until the ratio is known to --precision")
      ->envname("RUNS")
      ->capture_default_str();
  app->add_option(
      "--precision", raw->precision,
      "with --runs auto: the width of the ratio's interval that is enough (default: 5%)");
  app->add_option("--max-runs", raw->max_runs, "with --runs auto: no more per arm (default: 40)")
      ->check(CLI::Range(5, 1000));
  app->add_option("--max-time", raw->max_time, "with --runs auto: no longer, as in 2h");
  app->add_option("--warm-runs", raw->warm_runs,
                  "runs per arm with the checkpoint in memory: they tell storage from the rest")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app->add_option("-w,--warmup", raw->warm_up,
                  "discarded launches per arm (default: 1 for a server, 0 for the native loader)")
      ->check(CLI::Range(0, 1000));
  app->add_option("-o,--out", raw->out, "where the CSV, the records and the report go")
      ->envname("OUT")
      ->capture_default_str();
  app->add_option("--order", raw->order, "random, abba or sequential")->capture_default_str();
  app->add_option("--seed", raw->seed, "reproduces a random order");
  app->add_option("--cold", raw->cold, "verify, best-effort or off")->capture_default_str();
  app->add_flag("--drop-caches", raw->drop_caches,
                "drop all of the machine's caches before each cold run (root)");
  app->add_option("--setup", raw->setup, "shell line, once per arm before anything is measured");
  app->add_option("--prepare", raw->prepare, "shell line before each run's eviction");
  app->add_option("--cleanup", raw->cleanup, "shell line, once per arm at the end");
  add_server_flags(app, &raw->server);
  app->add_option("--timeout", raw->timeout, "longest wait from launch to ready")
      ->capture_default_str();
  app->add_option("--model-name", raw->model_name, "the CSV's model (default: the directory's)");
  app->add_option("--baseline", raw->baseline, "a CSV of earlier runs (column load_s) to compare");
  app->add_option("--budget", raw->budgets, "USE=SECONDS for dev, internal or user")
      ->allow_extra_args(false);
  app->add_option("--gpu-hour", raw->gpu_hour,
                  "price of an hour of the GPUs that one server holds: what waiting costs");
  app->add_option("--note", raw->note, "a remark for every row");
  add_condition_flag(app, &raw->conditions);
  app->add_flag("--ignore-failure", raw->ignore_failure, "go on after a failed run");
  app->add_flag("--no-timeline", raw->no_timeline, "do not sample the load every 100 ms");
  app->add_flag("--no-floor", raw->no_floor,
                "do not measure what each path can deliver before the first run");
  app->add_option("--native-threads", raw->native_threads, "threads of the native loader")
      ->check(CLI::Range(1, 256));
  app->add_option("--native-ring", raw->native_ring, "memory of the native loader's ring");
  app->add_flag("--dry-run", raw->dry_run, "print what would be evicted, run and written");
  app->add_flag("--json", raw->json, "print the comparison as JSON instead of a table");
  app->add_flag("--quiet", raw->quiet, "no progress");
  app->add_flag("--verbose", raw->verbose, "more of it");
}

void add_budgets(const std::vector<std::string>& flags, measure::Plan* plan) {
  for (const std::string& flag : flags) {
    const auto [use, value] = split_label("--budget", flag);
    if (use != "dev" && use != "internal" && use != "user") {
      throw UsageError(fmt::format("--budget {}: the uses are dev, internal and user", flag));
    }
    const auto duration = text::parse_duration(value);
    if (!duration || duration->count() == 0) {
      throw UsageError(fmt::format("--budget {}: '{}' is not a time, such as 30s", flag, value));
    }
    plan->budgets_s[use] = std::chrono::duration<double>(*duration).count();
    plan->budgets_set_by_user.push_back(use);
  }
}

std::chrono::nanoseconds parse_timeout(const std::string& text) {
  const auto duration = text::parse_duration(text);
  if (!duration || duration->count() == 0) {
    throw UsageError(fmt::format("--timeout {}: not a time, such as 600s or 10m", text));
  }
  return *duration;
}

// `coldload run` asks whether the server is ready, too.
void check_prefetch(const ExperimentRequest& request) {
  if (request.plan.prefetch.empty()) return;
  const std::string url = server::substitute(request.server->ready.url, {"", 1, std::nullopt});
  if (process::needs_no_name_server(process::parse_ready_url(url))) return;
  throw UsageError(fmt::format(
      "--prefetch needs a --ready-url whose host is localhost or an IP address, not {}", url));
}

void set_target(const RawFlags& raw, const std::vector<std::string>& words,
                ExperimentRequest* request) {
  request->timeout = parse_timeout(raw.timeout);
  request->server = server_of(raw.server, words);
  request->plan.max_model_len = raw.server.max_model_len;
  request->plan.warm_up_runs = raw.warm_up.value_or(request->server ? 1 : 0);
  request->plan.first_token = raw.server.first_token;
  if (!request->server) {
    if (raw.server.first_token) throw UsageError("--first-token needs a server to ask");
    if (!request->plan.prefetch.empty()) {
      throw UsageError("--prefetch needs a server: the native loader does nothing but read");
    }
    return;
  }
  check_prefetch(*request);
  request->server->timeout = request->timeout;
  request->server->cache_directory = request->plan.out_directory;
  request->server->echo = raw.verbose;
  request->plan.max_model_len = request->server->max_model_len;
}

std::uint64_t parse_ring(const std::string& text) {
  if (text.empty()) return 0;
  const auto bytes = text::parse_size(text);
  if (!bytes || *bytes == 0) {
    throw UsageError(fmt::format("--native-ring {}: not a size, such as 128MiB", text));
  }
  return *bytes;
}

std::uint64_t new_seed() {
  std::random_device device;
  constexpr std::uint64_t k_readable = 1000000;
  return device() % k_readable;
}

measure::RunCount run_count_of(const RawFlags& raw) {
  measure::RunCount count;
  constexpr std::uint64_t k_most = 1000;
  count.automatic = raw.runs == "auto";
  if (!count.automatic) {
    const char* const end = raw.runs.data() + raw.runs.size();
    const auto [stop, error] = std::from_chars(raw.runs.data(), end, count.runs);
    if (error != std::errc() || stop != end || count.runs == 0 || count.runs > k_most) {
      throw UsageError(fmt::format("--runs {}: a number from 1 to {}, or auto", raw.runs, k_most));
    }
    if (!raw.precision.empty() || raw.max_runs || !raw.max_time.empty()) {
      throw UsageError("--precision, --max-runs and --max-time need --runs auto");
    }
    return count;
  }
  constexpr std::uint64_t k_most_by_default = 40;
  count.runs = raw.max_runs.value_or(k_most_by_default);
  if (!raw.precision.empty()) {
    const auto share = text::parse_share(raw.precision);
    if (!share || *share <= 0) {
      throw UsageError(fmt::format("--precision {}: not a share such as 5%", raw.precision));
    }
    count.precision = *share;
  }
  if (!raw.max_time.empty()) {
    count.longest = text::parse_duration(raw.max_time);
    if (!count.longest || count.longest->count() == 0) {
      throw UsageError(fmt::format("--max-time {}: not a time, such as 90m", raw.max_time));
    }
  }
  return count;
}

measure::Plan plan_of(const RawFlags& raw) {
  measure::Plan plan;
  plan.count = run_count_of(raw);
  plan.warm_runs = raw.warm_runs;
  const auto order = measure::parse_order(raw.order);
  if (!order) throw UsageError(fmt::format("--order {}: random, abba or sequential", raw.order));
  plan.order = *order;
  if (plan.count.automatic && plan.order == measure::Order::sequential) {
    throw UsageError("--runs auto needs blocks: --order random or abba");
  }
  plan.seed = raw.seed.value_or(new_seed());
  const auto cold = measure::parse_cold_policy(raw.cold);
  if (!cold) throw UsageError(fmt::format("--cold {}: verify, best-effort or off", raw.cold));
  plan.cold = *cold;
  plan.drop_caches = raw.drop_caches;
  if (plan.drop_caches && plan.cold == measure::ColdPolicy::off) {
    throw UsageError("--drop-caches and --cold off contradict each other");
  }
  plan.ignore_failure = raw.ignore_failure;
  plan.timeline = !raw.no_timeline;
  plan.floor = !raw.no_floor;
  plan.hooks = {raw.setup, raw.prepare, raw.cleanup};
  plan.model_name = raw.model_name;
  plan.note = raw.note;
  plan.out_directory = raw.out;
  plan.version = k_build_info.version;
  plan.commit = k_build_info.commit;
  add_budgets(raw.budgets, &plan);
  if (raw.gpu_hour && !(*raw.gpu_hour > 0 && *raw.gpu_hour < 1e9)) {
    throw UsageError(fmt::format("--gpu-hour {:g}: not a price, such as 2.50", *raw.gpu_hour));
  }
  plan.gpu_hour_price = raw.gpu_hour;
  if (!raw.baseline.empty()) {
    plan.baseline_file = raw.baseline;
    try {
      plan.baseline = records::read_baseline_csv(raw.baseline);
    } catch (const os::Error& error) {
      throw UsageError(fmt::format("--baseline: {}", error.what()));
    }
  }
  return plan;
}

// The line that repeats the experiment: what the environment gave is spelled out.
std::vector<std::string> command_line(bool comparing, const RawFlags& raw,
                                      const measure::Plan& plan,
                                      const std::vector<std::string>& args) {
  std::vector<std::string> command{"coldload", comparing ? "compare" : "measure"};
  if (comparing && raw.arms.paths.empty()) {
    for (const measure::ArmRequest& arm : plan.arms) {
      command.insert(command.end(),
                     {"--path", arm.label + "=" + (arm.missing.empty() ? arm.path : "")});
    }
  }
  const auto given = [&args](std::string_view flag) {
    return std::any_of(args.begin(), std::find(args.begin(), args.end(), "--"),
                       [flag](const std::string& word) { return word.rfind(flag, 0) == 0; });
  };
  if (!given("--runs") && !given("-r")) {
    command.insert(command.end(), {"--runs", raw.runs});
  }
  if (raw.server.max_model_len && !given("--max-model-len")) {
    command.insert(command.end(), {"--max-model-len", std::to_string(*raw.server.max_model_len)});
  }
  if (!raw.seed) command.insert(command.end(), {"--seed", std::to_string(plan.seed)});
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

}  // namespace

std::optional<ExperimentRequest> parse_experiment(ExperimentCommand command,
                                                  const std::vector<std::string>& args) {
  const bool comparing = command == ExperimentCommand::compare;
  const auto dashes = std::find(args.begin(), args.end(), "--");
  CLI::App app(comparing ? "Compare cold loads of a model from two or more storage paths."
                         : "Measure cold loads of a model from one storage path.",
               comparing ? "coldload compare" : "coldload measure");
  app.footer(
      "Everything after -- is the server's command line, run without a shell; {model}, {port}"
      " and\n{max_model_len} are replaced. Without it, coldload's own loader is measured.");
  RawFlags raw;
  add_flags(&app, command, &raw);
  if (!parse(app, {args.begin(), dashes})) return std::nullopt;

  ExperimentRequest request;
  request.plan = plan_of(raw);
  if (!comparing && request.plan.count.automatic) {
    throw UsageError("--runs auto is about the ratio of two paths: `coldload compare`");
  }
  measure::Plan& plan = request.plan;
  set_arms(command, raw.arms, &plan);
  plan.command = command_line(comparing, raw, plan, args);
  const bool has_server = dashes != args.end();
  if (has_server && dashes + 1 == args.end()) throw UsageError("there is no command after --");
  set_target(
      raw,
      has_server ? std::vector<std::string>(dashes + 1, args.end()) : std::vector<std::string>(),
      &request);
  request.native_threads = raw.native_threads;
  request.native_ring_bytes = parse_ring(raw.native_ring);
  request.conditions = parse_conditions(raw.conditions);
  check_conditions(request.conditions, measure::labels_of(plan));
  request.dry_run = raw.dry_run;
  request.json = raw.json;
  if (raw.quiet) request.verbosity = Verbosity::quiet;
  if (raw.verbose) request.verbosity = Verbosity::verbose;
  return request;
}

}  // namespace coldload::cli
