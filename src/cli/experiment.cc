// coldload compare, coldload measure: from the command line to an exit code.

#include "measure/experiment.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/closing.h"
#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/earlier.h"
#include "cli/experiment_flags.h"
#include "cli/obstacles.h"
#include "cli/plan_text.h"
#include "cli/plan_time.h"
#include "cli/progress.h"
#include "cli/secrets.h"
#include "cli/targets.h"
#include "cli/terminal.h"
#include "findings/compare.h"
#include "findings/comparison.h"
#include "findings/weights.h"
#include "gpu/nvml.h"
#include "measure/arms.h"
#include "os/interrupt.h"
#include "records/dataset.h"
#include "records/results.h"
#include "report/wording.h"

namespace coldload::cli {

namespace {

// Two models, or two precisions of one: a ratio of their times tells nothing of storage.
void warn_of_different_weights(const std::vector<measure::Arm>& arms,
                               measure::ExperimentWatcher* watcher) {
  const auto weights_of = [](const measure::Arm& arm) {
    return findings::Weights{arm.weight_bytes(), arm.tensors_hash(arm.weights())};
  };
  const measure::Arm* first = nullptr;
  for (const measure::Arm& arm : arms) {
    if (arm.facts.placeholder) continue;
    if (first == nullptr) first = &arm;
    if (!findings::are_different(weights_of(*first), weights_of(arm))) continue;
    watcher->warning(report::different_weights_text(first->facts.label, weights_of(*first),
                                                    arm.facts.label, weights_of(arm)) +
                     "; their ratio compares more than storage");
  }
}

void warn_of_arms(const std::vector<measure::Arm>& arms, measure::ExperimentWatcher* watcher) {
  warn_of_different_weights(arms, watcher);
  for (const records::SameStorage& pair : measure::same_storage(arms)) {
    watcher->warning(to_string(pair) + ": their ratio compares no storage");
  }
  for (const measure::Arm& arm : arms) {
    if (!arm.facts.placeholder) continue;
    watcher->warning(
        fmt::format("{} is left out: {}; run the same command with its path later, "
                    "the rows join the same files",
                    arm.facts.label, arm.facts.missing));
  }
}

// What the out directory held before.
void warn_of_results(const records::Results& results, measure::ExperimentWatcher* watcher) {
  for (const std::string& sentence : results.mended()) watcher->warning(sentence);
  if (results.rows_without_records() > 0) {
    watcher->warning(
        fmt::format("{} rows of {} have no records: they stay, and the report does not "
                    "know them",
                    results.rows_without_records(), results.csv_path()));
  }
}

void warn_of_earlier(const EarlierRecords& earlier, const measure::Plan& plan,
                     measure::ExperimentWatcher* watcher) {
  const std::string words = earlier.words(plan.out_directory);
  if (!words.empty()) watcher->warning(words);
}

// Where it ends by an error, the report is of what was measured until then.
measure::ExperimentResult run_or_report(const ExperimentRequest& request, measure::Arms& arms,
                                        records::Results& results,
                                        measure::ExperimentWatcher& watcher) {
  const gpu::Nvml nvml;
  try {
    return measure::run_experiment(request.plan, arms, nvml, results, watcher);
  } catch (const std::exception&) {
    try {
      (void)write_report(results, request.json);
    } catch (const std::exception& second) {
      watcher.warning(second.what());  // the first error is the one to tell
    }
    throw;
  }
}

// Conditions are held against this experiment alone: earlier rows would hide what it measured.
bool any_holds_of(const std::vector<findings::Condition>& conditions,
                  const records::Dataset& dataset, const measure::ExperimentResult& result) {
  if (conditions.empty() || result.records.empty()) return false;
  const records::Dataset ours = dataset.only(result.records.front().experiment.id);
  return any_holds(conditions, findings::compare(ours));
}

// Throws UsageError where there is any.
void refuse(std::vector<std::string> obstacles, measure::ExperimentWatcher* watcher) {
  if (obstacles.empty()) return;
  const std::string last = std::move(obstacles.back());
  obstacles.pop_back();
  for (const std::string& obstacle : obstacles) watcher->warning(obstacle);
  throw UsageError(last);
}

// Looks, locks, prints the plan, runs, reports. Throws UsageError for what is found wrong before
// anything is evicted or launched, and os::Error for what cannot go on.
int run_experiment(ExperimentCommand command, const std::vector<std::string>& args) {
  std::optional<ExperimentRequest> parsed = parse_experiment(command, args);
  if (!parsed) return k_exit_ok;
  ExperimentRequest& request = *parsed;
  measure::Plan& plan = request.plan;
  plan.secrets = secrets_of(plan.facts.command);
  ConsoleWatcher watcher(request.verbosity, plan.secrets, plan.out_directory);
  // Whatever is wrong before anything has run is the command line's fault: exit code 2.
  auto planned = as_usage([&] { return measure::PlannedArms(plan); });
  const measure::Targets targets = make_targets(request);
  const EarlierRecords earlier =
      as_usage([&] { return read_earlier(plan.out_directory, planned.all(), targets); });
  const measure::Forecast known = known_beforehand(plan, planned.all(), earlier.forecast);
  watcher.expect(known);
  const std::string plan_text = describe_plan(plan, planned.all(), targets, known);
  // Runs find it, too: each leaves a row that says it.
  std::vector<std::string> obstacles = obstacles_of(request, planned.all());
  if (request.dry_run) {
    warn_of_earlier(earlier, plan, &watcher);
    warn_of_arms(planned.all(), &watcher);
    print_out("{}", Lines(wrapped_for(Stream::out, plan_text, k_plan_margin)));
    refuse(std::move(obstacles), &watcher);
    return k_exit_ok;
  }
  const auto results =
      as_usage([&] { return std::make_unique<records::Results>(plan.out_directory); });
  if (request.verbosity != Verbosity::quiet) {
    print_err("{}", Lines(wrapped_for(Stream::err, plan_text, k_plan_margin)));
  }
  warn_of_results(*results, &watcher);
  warn_of_earlier(earlier, plan, &watcher);
  warn_of_arms(planned.all(), &watcher);
  for (const std::string& obstacle : obstacles) watcher.warning(obstacle);
  measure::Arms arms = std::move(planned).prepare(targets, watcher);
  const measure::ExperimentResult result = run_or_report(request, arms, *results, watcher);
  watcher.experiment_ends();
  const records::Dataset dataset = write_report(*results, request.json);
  tell_end(request, *results, result);
  const bool condition_holds = any_holds_of(request.conditions, dataset, result);
  return exit_code(result, plan.ignore_failure, condition_holds);
}

}  // namespace

int run_compare(const std::vector<std::string>& args) {
  return run_experiment(ExperimentCommand::compare, args);
}

int run_measure(const std::vector<std::string>& args) {
  return run_experiment(ExperimentCommand::measure, args);
}

}  // namespace coldload::cli
