#include "cli/raw_flags.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <boost/algorithm/string/split.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/values.h"
#include "measure/plan.h"
#include "measure/schedule.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

// What follows belongs together in the help.
void begin_group(CLI::App* app, const char* name) { app->option_defaults()->group(name); }

void add_warm_up_flag(CLI::App* app, const char* of_what, RawFlags* raw) {
  app->add_option("-w,--warmup", raw->warm_up,
                  fmt::format("discarded launches {} (default: 1 for a server, 0 for the native "
                              "loader)",
                              of_what))
      ->check(CLI::Range(0, 1000));
}

void add_order_flags(CLI::App* app, RawFlags* raw, measure::Plan* plan) {
  app->add_option("--seed", raw->seed, "reproduces a random order");
  app->add_flag("--ignore-failure", plan->ignore_failure, "go on after a failed run");
}

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
  add_warm_up_flag(app, "per arm", raw);
  add_parsed(app, "--order", &plan->order, measure::parse_order,
             "an order: random, abba or sequential", "random, abba or sequential")
      ->type_name("ORDER")
      ->default_str("random");
  add_order_flags(app, raw, plan);
}

void add_cold_flags(CLI::App* app, measure::Plan* plan) {
  add_parsed(app, "--cold", &plan->cold, measure::parse_cold_policy,
             "one of verify, best-effort and off", "verify, best-effort or off")
      ->type_name("HOW")
      ->default_str("verify");
  app->add_flag("--drop-caches", plan->drop_caches,
                "drop all of the machine's caches before each cold run (root)");
}

void add_timeline_flag(CLI::App* app, measure::Plan* plan) {
  app->add_flag_callback(
      "--no-timeline", [plan] { plan->timeline = false; }, "do not sample the load every 100 ms");
}

void add_watch_flags(CLI::App* app, measure::Plan* plan) {
  add_timeline_flag(app, plan);
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

void add_row_flags(CLI::App* app, measure::Plan* plan) {
  app->add_option("-o,--out", plan->out_directory, "where the CSV, the records and the report go")
      ->type_name("DIR")
      ->envname("OUT")
      ->capture_default_str();
  app->add_option("--model-name", plan->model_name, "the CSV's model (default: the directory's)")
      ->type_name("NAME");
  app->add_option("--note", plan->note, "a remark for every row")->type_name("WORDS");
}

// What starts may take, and what it costs while they do.
void add_waiting_flags(CLI::App* app, measure::Plan* plan) {
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
}

void add_json_flag(CLI::App* app, ExperimentRequest* request) {
  app->add_flag("--json", request->json, "print the comparison as JSON instead of a table");
}

void add_report_flags(CLI::App* app, ExperimentRequest* request) {
  measure::Plan* const plan = &request->plan;
  add_row_flags(app, plan);
  add_waiting_flags(app, plan);
  app->add_option("--baseline", plan->facts.baseline_file,
                  "a CSV of earlier runs (column load_s) to compare")
      ->type_name("FILE");
  add_condition_flag(app, &request->conditions);
  add_json_flag(app, request);
}

void add_limit_flags(CLI::App* app, ExperimentRequest* request) {
  add_time(app, "--timeout", &request->timeout, "longest wait from launch to ready")
      ->default_str("1800s");
  add_size(app, "--log-limit", &request->log_limit_bytes,
           "longest log of a launch: its head and tail are kept")
      ->default_str("1GB");
}

void add_talk_flags(CLI::App* app, ExperimentRequest* request) {
  app->add_flag_callback(
      "--quiet", [=] { request->verbosity = Verbosity::quiet; }, "no progress");
  app->add_flag_callback(
      "--verbose", [=] { request->verbosity = Verbosity::verbose; }, "more of it");
  app->set_help_flag("-h,--help", "Print this help message and exit");  // in this group, the last
}

// The smallest first, each once.
std::vector<std::uint64_t> parse_sizes(const std::string& text) {
  constexpr std::uint64_t k_most = 100'000;
  std::set<std::uint64_t> sizes;
  std::vector<std::string> parts;
  boost::algorithm::split(parts, text, [](char c) { return c == ','; });
  for (const std::string& part : parts) {
    const auto size = parse_count(part, k_most);
    if (!size) {
      throw UsageError(
          fmt::format("--sizes {}: '{}' is no number of nodes, as in 1,2,4,8", text, part));
    }
    sizes.insert(*size);
  }
  return {sizes.begin(), sizes.end()};
}

}  // namespace

// In the order in which a person needs them.
void add_flags(CLI::App* app, ExperimentCommand command, RawFlags* raw,
               ExperimentRequest* request) {
  begin_group(app, "What to measure");
  add_arm_flags(app, command, &raw->arms);
  begin_group(app, "The server");
  add_command_flag(app, &raw->starts);
  add_server_flags(app, &raw->server);
  add_limit_flags(app, request);
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
  add_talk_flags(app, request);
}

void add_herd_flags(CLI::App* app, RawFlags* raw, ExperimentRequest* request) {
  measure::Plan* const plan = &request->plan;
  begin_group(app, "What to measure");
  add_herd_path_flags(app, &raw->arms);
  app->add_option_function<std::string>(
         "--sizes", [request](const std::string& text) { request->sizes = parse_sizes(text); },
         "how many nodes start at once, as in 1,2,4,8")
      ->type_name("N,N,...")
      ->required();
  app->add_option("--per-node", request->per_node,
                  "servers that each node starts at once, a rank each: they share its page cache,\n"
                  "and are judged as one")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1024}))
      ->type_name("N");
  add_time(app, "--stagger", &request->stagger,
           "launch each node of a herd that much later than the one before");
  begin_group(app, "The server");
  add_server_flags(app, &raw->server);
  add_limit_flags(app, request);
  begin_group(app, "How often");
  app->add_option("-r,--runs", raw->runs, "cold runs of each size")
      ->type_name("N")
      ->envname("RUNS")
      ->capture_default_str();
  add_warm_up_flag(app, "on each node", raw);
  add_order_flags(app, raw, plan);
  begin_group(app, "Cold");
  add_cold_flags(app, plan);
  begin_group(app, "Around the runs");
  add_prepare_flag(app, &raw->starts,
                   "shell line before each run's eviction, on the nodes that start");
  app->add_option(
         "--prepare-server", request->prepare_server,
         "shell line on the first rank before each run: to empty the file\nserver's memory")
      ->type_name("LINE");
  add_timeline_flag(app, plan);
  begin_group(app, "The report");
  add_row_flags(app, plan);
  add_waiting_flags(app, plan);
  add_json_flag(app, request);
  begin_group(app, "The native loader");
  add_native_flags(app, request);
  begin_group(app, "How it talks");
  add_talk_flags(app, request);
}

}  // namespace coldload::cli
