#include "measure/experiment.h"

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/types.h>

#include "measure/arm_floor.h"
#include "measure/environment.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "records/redaction.h"
#include "records/trial_figures.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

std::vector<std::size_t> present_arms(const std::vector<Arm>& arms) {
  std::vector<std::size_t> present;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    if (!arms[i].facts.placeholder) present.push_back(i);
  }
  return present;
}

// A staged arm is copied anew before each of its cold trials; what the copy left in memory is
// measured first.
std::vector<Slot> with_copies(const std::vector<Slot>& slots, const std::vector<Arm>& arms) {
  std::vector<Slot> out;
  for (const Slot& slot : slots) {
    if (slot.kind == TrialKind::cold && arms[slot.arm].copy) {
      out.push_back({TrialKind::after_copy, slot.arm, slot.block});
    }
    out.push_back(slot);
  }
  return out;
}

std::vector<Slot> slots_of(const Plan& plan, const std::vector<Arm>& arms) {
  const std::vector<std::size_t> present = present_arms(arms);
  ScheduleOptions options;
  options.arms = present.size();
  options.warm_up_runs = plan.warm_up_runs;
  options.cold_runs = plan.count.runs;
  options.warm_runs = plan.warm_runs;
  options.order = plan.order;
  options.seed = plan.seed;
  std::vector<Slot> slots = schedule(options);
  for (Slot& slot : slots) slot.arm = present[slot.arm];
  slots = with_copies(slots, arms);
  slots.erase(std::remove_if(slots.begin(), slots.end(),
                             [&](const Slot& slot) {
                               return slot.kind == TrialKind::warm &&
                                      !arms[slot.arm].cannot_warm.empty();
                             }),
              slots.end());
  return slots;
}

std::set<pid_t> stand_in_servers(const std::vector<Arm>& arms) {
  std::set<pid_t> pids;
  for (const Arm& arm : arms) {
    if (arm.stand_in) pids.insert(arm.stand_in->pid());
  }
  return pids;
}

std::string new_experiment_id() {
  std::random_device device;
  std::string stamp = os::utc_timestamp();
  stamp.erase(
      std::remove_if(stamp.begin(), stamp.end(), [](char c) { return c == '-' || c == ':'; }),
      stamp.end());
  return fmt::format("{}-{:04x}", stamp, device() & 0xFFFFU);
}

// The log of one trial, relative to the out directory; its folder is made:
// logs/<experiment>/<position>-<mode>.log
std::string log_name(const Plan& plan, const std::string& id, std::uint64_t position,
                     const Slot& slot, const Arm& arm) {
  const std::string folder = fmt::format("{}/logs/{}", plan.out_directory, id);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw os::SystemError("create", folder, error.value());
  return fmt::format("logs/{}/{:03}-{}{}.log", id, position, storage_mode_of(arm, slot.kind),
                     slot.kind == TrialKind::warm_up ? "_warmup" : "");
}

void note_result(const records::Record& record, ExperimentResult* result) {
  if (record.status == records::Status::failed || record.status == records::Status::timed_out)
    result->failed = true;
  if (record.status == records::Status::not_cold) result->not_cold = true;
}

// The --cleanup of every arm whose --setup began, also where the experiment ends by an error.
class CleanupHooks {
 public:
  explicit CleanupHooks(const Plan& plan) : plan_(plan) {}
  ~CleanupHooks() {
    try {
      run();
    } catch (const std::exception&) {
      return;  // the error under way is the one to tell
    }
  }
  CleanupHooks(const CleanupHooks&) = delete;
  CleanupHooks& operator=(const CleanupHooks&) = delete;

  void add(const Arm& arm) { arms_.push_back(&arm); }
  // Runs what is left to run, in order. Throws os::Error where one fails.
  void run() {
    while (!arms_.empty()) {
      const Arm* arm = arms_.front();
      arms_.erase(arms_.begin());
      run_hook("cleanup", plan_.hooks.cleanup, *arm);
    }
  }

 private:
  const Plan& plan_;
  std::vector<const Arm*> arms_;
};

std::string left_behind_message(const std::vector<std::string>& left) {
  return fmt::format(
      "the target left something behind, so nothing may follow: {}; clear that and start again",
      fmt::join(left, "; "));
}

}  // namespace

records::ExperimentFacts gather_facts(const Plan& plan, const std::vector<Arm>& arms,
                                      const Target& target, const gpu::Nvml& nvml) {
  records::ExperimentFacts facts;
  facts.id = new_experiment_id();
  facts.order = to_string(plan.order);
  facts.seed = plan.seed;
  facts.runs_rule = describe(plan.count);
  facts.cold_policy = to_string(plan.cold);
  facts.drop_caches = plan.drop_caches;
  facts.target = target.name();
  facts.command = plan.command;
  for (const Arm& arm : arms) facts.arms.push_back(arm.facts);
  facts.same_storage = same_storage(arms);
  facts.budgets_s = plan.budgets_s;
  facts.budgets_set_by_user = plan.budgets_set_by_user;
  facts.gpu_hour_price = plan.gpu_hour_price;
  facts.baseline_file = plan.baseline_file;
  facts.baseline = plan.baseline;
  facts.environment = describe_machine(nvml, plan.version, plan.commit);
  if (text::json::object server = target.facts(); !server.empty()) {
    facts.environment["server"] = std::move(server);
  }
  records::redact(plan.secrets, &facts);
  return facts;
}

ExperimentResult run_experiment(const Plan& plan, std::vector<Arm>& arms, Target& target,
                                const gpu::Nvml& nvml, records::RecordSink& sink,
                                ExperimentWatcher& watcher) {
  ExperimentResult result;
  const std::set<pid_t> ignored = stand_in_servers(arms);
  CleanupHooks cleanup(plan);
  for (const std::size_t arm : present_arms(arms)) {
    if (os::interrupted()) break;
    cleanup.add(arms[arm]);
    run_hook("setup", plan.hooks.setup, arms[arm]);
  }

  measure_arm_floors(plan, &arms, watcher);
  const records::ExperimentFacts facts = gather_facts(plan, arms, target, nvml);
  const std::vector<Slot> slots = slots_of(plan, arms);
  std::uint64_t position = 0;
  std::optional<StagedCopy::Made> made;  // the staged arm's latest copy
  RunStop stop(plan.count, arms.size());
  for (const Slot& slot : slots) {
    if (os::interrupted()) break;
    if (stop.before(slot)) continue;
    const Arm& arm = arms[slot.arm];
    watcher.trial_begins(slot, arm, ++position, slots.size());
    const std::string log = log_name(plan, facts.id, position, slot, arm);
    if (slot.kind == TrialKind::after_copy) {
      made = arm.copy->renew(
          [&](std::uint64_t bytes, std::uint64_t total) { watcher.step("stage", bytes, total); });
      if (!made) break;
    }
    TrialResult trial = run_trial({plan, arm, slot, ignored, plan.out_directory + "/" + log, log},
                                  target, nvml, watcher);
    records::apply_floor(arm.facts, facts.target, &trial.record);
    records::redact(plan.secrets, &trial.record);
    if (!trial.left_behind.empty()) {
      result.stopped_because = left_behind_message(trial.left_behind);
    }
    if (trial.interrupted) break;
    trial.record.experiment = facts;
    trial.record.position = position;
    if (arm.copy && made && slot.kind != TrialKind::warm) {
      trial.record.copy_s = made->seconds;
      if (!made->remark.empty()) trial.record.remarks.push_back(made->remark);
    }
    // A warm-up counts for nothing, unless it shows that the target does not even start.
    if (slot.kind != TrialKind::warm_up || trial.record.status != records::Status::ok) {
      sink.append(trial.record);
      result.records.push_back(trial.record);
    }
    note_result(trial.record, &result);
    if (slot.kind == TrialKind::cold && trial.record.status == records::Status::ok) {
      stop.add(slot, trial.record.load_s.value_or(0));
    }
    watcher.trial_ended(slot, trial.record);
    if (!result.stopped_because.empty()) break;
    if (result.failed && !plan.ignore_failure) {
      result.stopped_because = "a trial failed (--ignore-failure goes on)";
      break;
    }
  }
  cleanup.run();
  result.interrupted = os::interrupted();
  return result;
}

}  // namespace coldload::measure
