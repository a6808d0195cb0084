#include "cli/experiment_flags.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "cli/arm_flags.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/server_flags.h"
#include "cli/start_flags.h"
#include "cli/values.h"
#include "cli/version.h"
#include "measure/subject.h"
#include "process/ready_url.h"
#include "records/baseline.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

// Flags that mean something only beside others.
struct RawFlags {
  ArmFlags arms;
  ServerFlags server;
  StartFlags starts;
  std::string runs = "5";
  std::optional<double> precision;
  std::optional<std::uint64_t> max_runs;
  std::optional<std::chrono::nanoseconds> max_time;
  std::optional<std::uint64_t> warm_up;
  std::optional<std::uint64_t> seed;
};

// What follows belongs together in the help.
void begin_group(CLI::App* app, const char* name) { app->option_defaults()->group(name); }

void add_run_flags(CLI::App* app, ExperimentCommand command, RawFlags* raw, measure::Plan* plan) {
  const bool comparing = command == ExperimentCommand::compare;
  app->add_option("-r,--runs", raw->runs,
                  comparing ? "cold runs per arm; auto: until the ratio is known to --precision"
                            : "cold runs per arm")
      ->type_name(comparing ? "N|auto" : "N")
      ->envname("RUNS")
      ->capture_default_str();
  if (comparing) {
    const auto share = [](const std::string& text) {
      const auto value = text::parse_share(text);
      if (value && *value >= 1 && text.find('%') == std::string::npos) {
        throw UsageError(fmt::format(
            "--precision {0}: write {0}% for percent, or a share below 1 such as 0.05", text));
      }
      return value == 0.0 ? std::nullopt : value;
    };
    add_parsed(app, "--precision", &raw->precision, share, "a share such as 5%",
               "with --runs auto: the width of the ratio's interval that is enough (default: 5%)")
        ->type_name("SHARE");
    app->add_option("--max-runs", raw->max_runs, "with --runs auto: no more per arm (default: 40)")
        ->check(CLI::Range(5, 1000));
    add_time(app, "--max-time", &raw->max_time, "with --runs auto: no longer, as in 2h");
  }
  app->add_option("--warm-runs", plan->warm_runs,
                  "runs per arm with the checkpoint in memory: they tell storage from the rest")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app->add_option("--node-runs", plan->node_runs,
                  "runs per arm with all that the start reads out of memory: packages and caches, "
                  "too")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app->add_option("--first-runs", plan->first_runs,
                  "runs per arm like those, and the runtime caches empty: a new node's first start")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app->add_option("-w,--warmup", raw->warm_up,
                  "discarded launches per arm (default: 1 for a server, 0 for the native loader)")
      ->check(CLI::Range(0, 1000));
  add_parsed(app, "--order", &plan->order, measure::parse_order,
             "an order: random, abba or sequential", "random, abba or sequential")
      ->type_name("ORDER")
      ->default_str("random");
  app->add_option("--seed", raw->seed, "reproduces a random order");
  app->add_flag("--ignore-failure", plan->ignore_failure, "go on after a failed run");
}

void add_cold_flags(CLI::App* app, measure::Plan* plan) {
  add_parsed(app, "--cold", &plan->cold, measure::parse_cold_policy,
             "one of verify, best-effort and off", "verify, best-effort or off")
      ->type_name("HOW")
      ->default_str("verify");
  app->add_flag("--drop-caches", plan->drop_caches,
                "drop all of the machine's caches before each cold run (root)");
}

void add_watch_flags(CLI::App* app, measure::Plan* plan) {
  app->add_flag_callback(
      "--no-timeline", [plan] { plan->timeline = false; }, "do not sample the load every 100 ms");
  app->add_flag_callback(
      "--no-floor", [plan] { plan->floor = false; },
      "do not measure what each path can deliver before the first run");
}

void add_native_flags(CLI::App* app, ExperimentRequest* request) {
  app->add_option("--native-threads", request->native_threads, "threads of the native loader")
      ->check(CLI::Range(1, 256));
  add_size(app, "--native-ring", &request->native_ring_bytes, "memory of the native loader's ring");
}

void add_budget(const std::string& flag, measure::Plan* plan) {
  const auto [use, value] = split_label("--budget", flag);
  if (use != "dev" && use != "internal" && use != "user") {
    throw UsageError(fmt::format("--budget {}: the uses are dev, internal and user", flag));
  }
  const auto duration = parse_time(value);
  if (!duration) {
    throw UsageError(fmt::format("--budget {}: '{}' is not a time, such as 30s", flag, value));
  }
  plan->facts.budgets_s[use] = std::chrono::duration<double>(*duration).count();
  plan->facts.budgets_set_by_user.push_back(use);
}

void set_gpu_hour(double price, measure::Plan* plan) {
  if (!(price > 0 && price < 1e9)) {
    throw UsageError(fmt::format("--gpu-hour {:g}: not a price, such as 2.50", price));
  }
  plan->facts.gpu_hour_price = price;
}

void add_report_flags(CLI::App* app, ExperimentRequest* request) {
  measure::Plan* const plan = &request->plan;
  app->add_option("-o,--out", plan->out_directory, "where the CSV, the records and the report go")
      ->type_name("DIR")
      ->envname("OUT")
      ->capture_default_str();
  app->add_option("--model-name", plan->model_name, "the CSV's model (default: the directory's)")
      ->type_name("NAME");
  app->add_option("--note", plan->note, "a remark for every row")->type_name("WORDS");
  app->add_option_function<std::vector<std::string>>(
         "--budget",
         [plan](const auto& flags) {
           for (const std::string& flag : flags) add_budget(flag, plan);
         },
         "what a start may take for a use: dev, internal or user")
      ->type_name("USE=TIME")
      ->allow_extra_args(false);
  app->add_option_function<double>(
         "--gpu-hour", [plan](double price) { set_gpu_hour(price, plan); },
         "price of an hour of the GPUs that one server holds: what waiting costs")
      ->type_name("PRICE");
  app->add_option("--baseline", plan->facts.baseline_file,
                  "a CSV of earlier runs (column load_s) to compare")
      ->type_name("FILE");
  add_condition_flag(app, &request->conditions);
  app->add_flag("--json", request->json, "print the comparison as JSON instead of a table");
}

// In the order in which a person needs them.
void add_flags(CLI::App* app, ExperimentCommand command, RawFlags* raw,
               ExperimentRequest* request) {
  begin_group(app, "What to measure");
  add_arm_flags(app, command, &raw->arms);
  begin_group(app, "The server");
  add_command_flag(app, &raw->starts);
  add_server_flags(app, &raw->server);
  add_time(app, "--timeout", &request->timeout, "longest wait from launch to ready")
      ->default_str("1800s");
  add_size(app, "--log-limit", &request->log_limit_bytes,
           "longest log of a launch: its head and tail are kept")
      ->default_str("1GB");
  begin_group(app, "How often");
  add_run_flags(app, command, raw, &request->plan);
  begin_group(app, "Cold");
  add_cold_flags(app, &request->plan);
  begin_group(app, "Around the runs");
  add_hook_flags(app, &raw->starts);
  add_watch_flags(app, &request->plan);
  begin_group(app, "The report");
  add_report_flags(app, request);
  begin_group(app, "The native loader");
  add_native_flags(app, request);
  begin_group(app, "How it talks");
  app->add_flag("--dry-run", request->dry_run, "print what would be evicted, run and written");
  app->add_flag_callback(
      "--quiet", [=] { request->verbosity = Verbosity::quiet; }, "no progress");
  app->add_flag_callback(
      "--verbose", [=] { request->verbosity = Verbosity::verbose; }, "more of it");
  app->set_help_flag("-h,--help", "Print this help message and exit");  // in this group, the last
}

// `coldload run` asks whether the server is ready, too.
void check_prefetch(const ExperimentRequest& request) {
  if (request.plan.prefetch.empty()) return;
  const std::string url =
      server::substitute(request.servers.front().ready.url, {"", 1, std::nullopt});
  if (process::needs_no_name_server(process::parse_ready_url(url))) return;
  throw UsageError(fmt::format(
      "--prefetch needs a --ready-url whose host is localhost or an IP address, not {}", url));
}

// What makes one more arm of one path does not go with what makes one of each.
void check_commands(const measure::Plan& plan) {
  if (plan.starts.front().name.empty()) return;
  if (plan.stage) {
    throw UsageError(
        "--stage goes with one command, after --: copy the checkpoint by `coldload stage`, and "
        "give the copy as a --path");
  }
  if (!plan.prefetch.empty()) {
    throw UsageError(
        "--prefetch goes with one command, after --: write it as one of the commands: --command "
        "ahead='coldload run {model} -- SERVER...'");
  }
}

// What a start reads is learned in the launch that is discarded, and it is a server's.
void check_layers(const ExperimentRequest& request) {
  const measure::Plan& plan = request.plan;
  if (!plan.has_deeper_layers()) return;
  const std::string flag = plan.node_runs > 0 ? "--node-runs" : "--first-runs";
  for (const std::string& label : measure::labels_of(plan)) {
    if (!measure::is_of_deeper_layer(measure::own_suffix_of(label))) continue;
    throw UsageError(
        fmt::format("{} makes rows whose labels end in _node or _first, as '{}' does: rename that",
                    flag, label));
  }
  if (request.servers.empty()) {
    throw UsageError(flag + " needs a server: the native loader reads nothing but the weights");
  }
  if (plan.warm_up_runs == 0) {
    throw UsageError(flag +
                     " needs a discarded launch (--warmup 1), which tells what a start reads");
  }
  if (plan.cold == measure::ColdPolicy::off) {
    throw UsageError(flag + " and --cold off contradict each other");
  }
  if (plan.count.automatic) {
    throw UsageError(flag + " needs a number of cold runs, as in --runs 5, not auto");
  }
  if (plan.stage) {
    throw UsageError(flag +
                     " does not go with --stage: copy the checkpoint by `coldload stage`, "
                     "and give the copy as a --path");
  }
  const bool has_own_caches =
      std::all_of(request.servers.begin(), request.servers.end(), [](const auto& server) {
        return server.compile_cache == server::CompileCache::private_caches;
      });
  if (plan.first_runs > 0 && !has_own_caches) {
    throw UsageError(
        "--first-runs needs caches that coldload may empty: leave --compile-cache at private");
  }
}

void set_target(const RawFlags& raw, const std::vector<std::string>& words,
                ExperimentRequest* request) {
  set_starts(raw.starts, raw.server, words, request);
  check_commands(request->plan);
  const bool has_server = !request->servers.empty();
  request->plan.warm_up_runs = raw.warm_up.value_or(has_server ? 1 : 0);
  request->plan.first_token = raw.server.first_token;
  check_layers(*request);
  if (!has_server) {
    if (raw.server.first_token) throw UsageError("--first-token needs a server to ask");
    if (!request->plan.prefetch.empty()) {
      throw UsageError("--prefetch needs a server: the native loader does nothing but read");
    }
    return;
  }
  check_prefetch(*request);
  for (measure::ServerOptions& server : request->servers) {
    server.timeout = request->timeout;
    server.log_limit_bytes = request->log_limit_bytes;
    server.cache_directory = request->plan.out_directory;
    server.echo = request->verbosity == Verbosity::verbose;
  }
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
    if (error != std::errc() || stop != end || count.runs > k_most) {
      throw UsageError(fmt::format("--runs {}: a number up to {}, or auto", raw.runs, k_most));
    }
    if (raw.precision || raw.max_runs || raw.max_time) {
      throw UsageError("--precision, --max-runs and --max-time need --runs auto");
    }
    return count;
  }
  constexpr std::uint64_t k_most_by_default = 40;
  count.runs = raw.max_runs.value_or(k_most_by_default);
  count.precision = raw.precision.value_or(count.precision);
  count.longest = raw.max_time;
  return count;
}

// What the flags did not say of it, and what they may not say together.
void complete(const RawFlags& raw, measure::Plan* plan) {
  plan->count = run_count_of(raw);
  if (plan->count.automatic && plan->order == measure::Order::sequential) {
    throw UsageError("--runs auto needs blocks: --order random or abba");
  }
  if (plan->count.runs + plan->warm_runs + plan->node_runs + plan->first_runs == 0) {
    throw UsageError(
        "no runs: one of --runs, --warm-runs, --node-runs and --first-runs must be "
        "above 0");
  }
  plan->seed = raw.seed.value_or(new_seed());
  if (plan->drop_caches && plan->cold == measure::ColdPolicy::off) {
    throw UsageError("--drop-caches and --cold off contradict each other");
  }
  plan->version = k_build_info.version;
  plan->commit = k_build_info.commit;
  if (plan->facts.baseline_file.empty()) return;
  plan->facts.baseline = as_usage(
      [&] { return records::read_baseline_csv(plan->facts.baseline_file); }, "--baseline: ");
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
  ExperimentRequest request;
  measure::Plan& plan = request.plan;
  plan.out_directory = "coldload-results";
  request.timeout = std::chrono::minutes(30);
  add_flags(&app, command, &raw, &request);
  if (!parse(app, {args.begin(), dashes})) return std::nullopt;
  complete(raw, &plan);
  if (!comparing && plan.count.automatic) {
    throw UsageError("--runs auto is about the ratio of two paths: `coldload compare`");
  }
  set_arms(command, raw.arms, raw.starts.commands.size(), &plan);
  plan.facts.command = command_line(comparing, raw, plan, args);
  const bool has_server = dashes != args.end();
  if (has_server && dashes + 1 == args.end()) throw UsageError("there is no command after --");
  const std::vector<std::string> words =
      has_server ? std::vector<std::string>(dashes + 1, args.end()) : std::vector<std::string>();
  set_target(raw, words, &request);
  check_conditions(request.conditions, plan);
  return request;
}

}  // namespace coldload::cli
