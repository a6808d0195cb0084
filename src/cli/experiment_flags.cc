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
#include "cli/raw_flags.h"
#include "cli/version.h"
#include "measure/subject.h"
#include "process/ready_url.h"
#include "records/baseline.h"

namespace coldload::cli {

namespace {

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

// Servers of one node share what they read, so each node would need one copy, made by one of them.
void check_per_node(const ExperimentRequest& request) {
  if (request.per_node == 1 || !request.plan.stage) return;
  throw UsageError(
      "--stage does not go with --per-node: copy the checkpoint by `coldload stage` on each node, "
      "and give the copy as --path");
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
void complete(ExperimentCommand command, const RawFlags& raw, measure::Plan* plan) {
  plan->count = run_count_of(raw);
  if (plan->count.automatic && plan->order == measure::Order::sequential) {
    throw UsageError("--runs auto needs blocks: --order random or abba");
  }
  if (plan->count.runs + plan->warm_runs + plan->node_runs + plan->first_runs == 0) {
    throw UsageError(command == ExperimentCommand::herd
                         ? "no runs: --runs must be above 0"
                         : "no runs: one of --runs, --warm-runs, --node-runs and --first-runs must "
                           "be above 0");
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
std::vector<std::string> command_line(ExperimentCommand asked, const RawFlags& raw,
                                      const measure::Plan& plan,
                                      const std::vector<std::string>& args) {
  const bool comparing = asked == ExperimentCommand::compare;
  std::vector<std::string> command{"coldload", comparing ? "compare" : "measure"};
  if (asked == ExperimentCommand::herd) command = {"coldload-mpi"};
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
  // The environment of other nodes is another.
  if (asked == ExperimentCommand::herd && !given("--out") && !given("-o")) {
    command.insert(command.end(), {"--out", plan.out_directory});
  }
  command.insert(command.end(), args.begin(), args.end());
  return command;
}

std::pair<std::string, std::string> about_and_name(ExperimentCommand command) {
  if (command == ExperimentCommand::compare) {
    return {"Compare cold loads of a model from two or more storage paths.", "coldload compare"};
  }
  if (command == ExperimentCommand::measure) {
    return {"Measure cold loads of a model from one storage path.", "coldload measure"};
  }
  return {
      "Measure cold loads of a model on several nodes at once, all from one storage path. mpirun "
      "starts it, once on each node: mpirun -n 8 --map-by ppr:1:node coldload-mpi ...",
      "coldload-mpi"};
}

}  // namespace

std::optional<ExperimentRequest> parse_experiment(ExperimentCommand command,
                                                  const std::vector<std::string>& args) {
  const bool comparing = command == ExperimentCommand::compare;
  const auto dashes = std::find(args.begin(), args.end(), "--");
  const auto [about, name] = about_and_name(command);
  CLI::App app(about, name);
  app.footer(
      "Everything after -- is the server's command line, run without a shell; {model}, {port}"
      " and\n{max_model_len} are replaced. Without it, coldload's own loader is measured.");
  RawFlags raw;
  ExperimentRequest request;
  measure::Plan& plan = request.plan;
  plan.out_directory = "coldload-results";
  request.timeout = std::chrono::minutes(30);
  if (command == ExperimentCommand::herd) {
    plan.is_of_herd = true;
    plan.warm_runs = 0;
    plan.floor = false;  // nodes that measure it at once would share what they measure
    add_herd_flags(&app, &raw, &request);
  } else {
    add_flags(&app, command, &raw, &request);
  }
  if (!parse(app, {args.begin(), dashes})) return std::nullopt;
  complete(command, raw, &plan);
  if (!comparing && plan.count.automatic) {
    throw UsageError("--runs auto is about the ratio of two paths: `coldload compare`");
  }
  set_arms(command, raw.arms, raw.starts.commands.size(), &plan);
  plan.facts.command = command_line(command, raw, plan, args);
  const bool has_server = dashes != args.end();
  if (has_server && dashes + 1 == args.end()) throw UsageError("there is no command after --");
  const std::vector<std::string> words =
      has_server ? std::vector<std::string>(dashes + 1, args.end()) : std::vector<std::string>();
  set_target(raw, words, &request);
  check_per_node(request);
  check_conditions(request.conditions, plan);
  return request;
}

}  // namespace coldload::cli
