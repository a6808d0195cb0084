#include "cli/experiment_flags.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/server_flags.h"
#include "cli/version.h"
#include "report/baseline.h"
#include "storage/stand_in.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

// The flags as CLI11 fills them, before they mean anything.
struct RawFlags {
  std::vector<std::string> paths;
  std::string measured_path;
  std::string label = "path";
  std::uint64_t runs = 5;
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
  std::vector<std::string> stand_ins;
  std::vector<std::string> budgets;
  std::string note;
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
  if (command == ExperimentCommand::compare) {
    app->add_option("--path", raw->paths,
                    "LABEL=PATH of one arm; an empty PATH is a placeholder for a path to come")
        ->allow_extra_args(false);
  } else {
    app->add_option("PATH", raw->measured_path, "the checkpoint")->required();
    app->add_option("--label", raw->label, "the arm's label")->capture_default_str();
  }
  app->add_option("-r,--runs", raw->runs, "cold runs per arm")
      ->envname("RUNS")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
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
  app->add_option("--stand-in", raw->stand_ins,
                  "LABEL=RATE[,LATENCY]: see that arm's directory at a network's pace")
      ->allow_extra_args(false);
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
  app->add_option("--note", raw->note, "a remark for every row");
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

bool path_exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

// LABEL=REST, split at the first '='.
std::pair<std::string, std::string> split_label(const std::string& flag, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError(fmt::format("{} {}: expected LABEL=VALUE", flag, text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void check_label(const std::string& label) {
  constexpr std::size_t k_longest = 64;
  const bool plain = std::all_of(label.begin(), label.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (!plain || label.empty() || label.size() > k_longest ||
      std::isalnum(static_cast<unsigned char>(label[0])) == 0) {
    throw UsageError(fmt::format(
        "the label '{}' cannot be a storage_mode: use up to {} letters, digits, '_', '-' and '.'",
        label, k_longest));
  }
  for (const std::string_view suffix : {"_warm", "_hot", "_prefetch"}) {
    if (label.size() > suffix.size() &&
        label.compare(label.size() - suffix.size(), suffix.size(), suffix) == 0) {
      throw UsageError(
          fmt::format("the label '{}' ends in {}, which coldload's own rows use", label, suffix));
    }
  }
}

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// MODEL_PATH_NVME and MODEL_PATH_NET, where no --path is given. The network mount may be still to
// come; the local path may not.
std::vector<measure::ArmRequest> arms_of_environment() {
  const std::string nvme = environment_value("MODEL_PATH_NVME");
  const std::string net = environment_value("MODEL_PATH_NET");
  if (nvme.empty()) {
    throw UsageError(
        "nothing to compare: give --path LABEL=PATH twice, or set MODEL_PATH_NVME and "
        "MODEL_PATH_NET");
  }
  measure::ArmRequest net_arm{"net", net, "", {}};
  if (net.empty()) {
    net_arm.missing = "MODEL_PATH_NET is not set";
  } else if (!path_exists(net)) {
    net_arm.missing = fmt::format("MODEL_PATH_NET names {}, which is not there", net);
  }
  return {{"nvme", nvme, "", {}}, net_arm};
}

std::vector<measure::ArmRequest> arms_of_flags(const std::vector<std::string>& paths) {
  std::vector<measure::ArmRequest> arms;
  for (const std::string& text : paths) {
    auto [label, path] = split_label("--path", text);
    measure::ArmRequest arm{label, path, "", {}};
    if (path.empty()) arm.missing = fmt::format("--path {}= names no path yet", label);
    arms.push_back(std::move(arm));
  }
  return arms;
}

void check_arms(const std::vector<measure::ArmRequest>& arms) {
  std::set<std::string> labels;
  bool present = false;
  for (const measure::ArmRequest& arm : arms) {
    check_label(arm.label);
    if (!labels.insert(arm.label).second) {
      throw UsageError(fmt::format("two paths have the label '{}'", arm.label));
    }
    present = present || arm.missing.empty();
  }
  if (!present) throw UsageError("every path is a placeholder: there is nothing to measure");
}

void add_stand_ins(const std::vector<std::string>& flags, std::vector<measure::ArmRequest>* arms) {
  for (const std::string& flag : flags) {
    const auto [label, spec] = split_label("--stand-in", flag);
    const auto arm = std::find_if(arms->begin(), arms->end(),
                                  [wanted = label](const auto& a) { return a.label == wanted; });
    if (arm == arms->end()) {
      throw UsageError(fmt::format("--stand-in {}: no --path has the label '{}'", flag, label));
    }
    try {
      arm->stand_in = measure::StandInRequest{spec, storage::parse_stand_in(spec)};
    } catch (const os::Error& error) {
      throw UsageError(fmt::format("--stand-in {}: {}", flag, error.what()));
    }
  }
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

void set_target(const RawFlags& raw, const std::vector<std::string>& words,
                ExperimentRequest* request) {
  request->timeout = parse_timeout(raw.timeout);
  request->server = server_of(raw.server, words);
  request->plan.max_model_len = raw.server.max_model_len;
  request->plan.warm_up_runs = raw.warm_up.value_or(request->server ? 1 : 0);
  request->plan.first_token = raw.server.first_token;
  if (!request->server) {
    if (raw.server.first_token) throw UsageError("--first-token needs a server to ask");
    return;
  }
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

measure::Plan plan_of(const RawFlags& raw) {
  measure::Plan plan;
  plan.runs = raw.runs;
  plan.warm_runs = raw.warm_runs;
  const auto order = measure::parse_order(raw.order);
  if (!order) throw UsageError(fmt::format("--order {}: random, abba or sequential", raw.order));
  plan.order = *order;
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
  if (!raw.baseline.empty()) {
    plan.baseline_file = raw.baseline;
    try {
      plan.baseline = report::read_baseline_csv(raw.baseline);
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
  if (comparing && raw.paths.empty()) {
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
    command.insert(command.end(), {"--runs", std::to_string(plan.runs)});
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
  measure::Plan& plan = request.plan;
  if (!comparing) {
    plan.arms = {{raw.label, raw.measured_path, "", {}}};
  } else {
    plan.arms = raw.paths.empty() ? arms_of_environment() : arms_of_flags(raw.paths);
    if (plan.arms.size() < 2) {
      throw UsageError("compare needs two paths or more; for one there is `coldload measure PATH`");
    }
  }
  check_arms(plan.arms);
  add_stand_ins(raw.stand_ins, &plan.arms);
  plan.command = command_line(comparing, raw, plan, args);
  const bool has_server = dashes != args.end();
  if (has_server && dashes + 1 == args.end()) throw UsageError("there is no command after --");
  set_target(
      raw,
      has_server ? std::vector<std::string>(dashes + 1, args.end()) : std::vector<std::string>(),
      &request);
  request.native_threads = raw.native_threads;
  request.native_ring_bytes = parse_ring(raw.native_ring);
  request.dry_run = raw.dry_run;
  request.json = raw.json;
  if (raw.quiet) request.verbosity = Verbosity::quiet;
  if (raw.verbose) request.verbosity = Verbosity::verbose;
  return request;
}

}  // namespace coldload::cli
