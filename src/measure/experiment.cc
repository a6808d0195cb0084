#include "measure/experiment.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/types.h>

#include "measure/arm_floor.h"
#include "measure/cold.h"
#include "measure/experiment_facts.h"
#include "measure/hooks.h"
#include "measure/log_folder.h"
#include "measure/trial.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "records/contradiction.h"
#include "records/floor.h"
#include "records/redaction.h"
#include "records/trial_figures.h"
#include "statistics/statistics.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

// What a load of `source` was seen to read as its weights and is not in `copy`: names guessed what
// is served. Empty: nothing.
std::string not_in_copy(const Arm& source, const StagedCopy& copy) {
  std::vector<std::string> names;
  for (const std::size_t weight : source.weights()) {
    const std::string& name = source.candidates[weight].name;
    const bool lies_beside = weight >= source.checkpoint->candidate_count();
    if (!lies_beside && !copy.holds(name)) names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// Without warm trials where there can be none. A staged arm is copied anew before each of its cold
// trials; what the copy left in memory is measured first.
std::vector<Slot> slots_of(const Plan& plan, const Arms& arms) {
  const std::vector<std::size_t> present = arms.present();
  ScheduleOptions options;
  options.arms = present.size();
  options.warm_up_runs = plan.warm_up_runs;
  options.cold_runs = plan.count.runs;
  options.warm_runs = plan.warm_runs;
  options.node_runs = plan.node_runs;
  options.first_runs = plan.first_runs;
  options.order = plan.order;
  options.seed = plan.seed;
  std::vector<Slot> slots;
  for (Slot slot : schedule(options)) {
    slot.arm = present[slot.arm];
    const Arm& arm = arms.all()[slot.arm];
    if (slot.kind == TrialKind::warm && !arm.cannot_warm.empty()) continue;
    if (slot.kind == TrialKind::cold && arm.copy) {
      slots.push_back({TrialKind::after_copy, slot.arm, slot.block});
    }
    slots.push_back(slot);
  }
  return slots;
}

// The trials, one after the other, and what comes of them.
class Series {
 public:
  Series(const Plan& plan, Arms& arms, const gpu::Nvml& nvml, records::Results& sink,
         ExperimentWatcher& watcher)
      : plan_(plan),
        arms_(arms),
        nvml_(nvml),
        sink_(sink),
        watcher_(watcher),
        facts_(gather_facts(plan, arms, nvml)),
        slots_(slots_of(plan, arms)),
        logs_(sink.directory(), facts_.id),
        stop_(plan.count, arms.all().size()) {
    for (const Arm& arm : arms.all()) {
      if (arm.stand_in) stand_in_servers_.insert(arm.stand_in->pid());
    }
  }

  ExperimentResult run() {
    watcher_.experiment_begins(outlook());
    bool goes_on = true;
    for (auto slot = slots_.begin(); slot != slots_.end() && goes_on; ++slot) {
      if (slot->kind == TrialKind::warm && !os::interrupted()) finish_cold_runs();
      const bool is_left_out = stop_.before(*slot);
      tell_precision();
      goes_on = is_left_out || run(*slot);
    }
    if (goes_on && !os::interrupted()) finish_cold_runs();
    result_.logs = logs_.name();
    return std::move(result_);
  }

 private:
  Outlook outlook() const {
    Outlook outlook;
    outlook.may_be_more = plan_.count.automatic;
    for (const Slot& slot : slots_) {
      const Subject subject = arms_.subject(slot);
      const bool is_cold = starts_cold(slot.kind) || slot.kind == TrialKind::after_copy;
      if (is_cold && plan_.count.automatic && slot.block > statistics::k_least_n) continue;
      outlook.trials.push_back({subject.trial_name(), std::nullopt});
      if (slot.kind != TrialKind::cold || !subject.arm.facts.floor) continue;
      outlook.trials.back().least_s =
          records::floor_seconds(*subject.arm.facts.floor, subject.arm.weight_bytes(),
                                 records::FloorKind::cold, records::Destination::host);
    }
    return outlook;
  }

  void finish_cold_runs() {
    stop_.finish();
    tell_precision();
  }

  void tell_precision() {
    if (const auto look = stop_.news()) watcher_.looked_at_precision(*look);
  }

  // False: nothing may follow.
  bool run(const Slot& slot) {
    const Subject subject = arms_.subject(slot);
    watcher_.trial_begins(subject, ++position_, slots_.size());
    const LogFolder::Log log = logs_.create(position_, subject.trial_name());
    if (slot.kind == TrialKind::after_copy && !os::interrupted()) {
      static_cast<void>(subject.arm.copy->renew());  // false: interrupted, as the trial says then
    }
    TrialResult trial = run_trial({plan_, subject, stand_in_servers_, log}, nvml_, watcher_);
    if (!trial.left_behind.empty()) {
      result_.stopped_because = fmt::format(
          "the target left something behind, so nothing may follow: {}; clear that and start again",
          fmt::join(trial.left_behind, "; "));
    }
    if (trial.interrupted) {
      keep_interrupted(subject, &trial.record);
      return false;
    }
    take(trial.weights, &arms_.all()[slot.arm]);
    take_start_set(slot, &trial);
    complete(subject, &trial.record);
    keep(slot, &trial.record);
    watcher_.trial_ended(subject, trial.record);
    if (result_.failed && !plan_.ignore_failure && result_.stopped_because.empty()) {
      result_.stopped_because = "a trial failed (--ignore-failure goes on)";
    }
    return result_.stopped_because.empty();
  }

  // What was seen is `arm`'s weights from now on. Warns where a copy of it lacks some of them.
  void take(const ReadSet& seen, Arm* arm) {
    if (seen.read != WeightsRead::seen || seen.files == arm->weights()) return;
    arm->take(seen);
    for (const Arm& other : arms_.all()) {
      if (!other.copy || other.facts.staged_from != arm->facts.label) continue;
      const std::string lacks = not_in_copy(*arm, *other.copy);
      if (lacks.empty()) continue;
      watcher_.warning(
          fmt::format("from {} the target reads {}, which the copy at {} lacks: measure again with "
                      "--weights, which says what belongs to the model",
                      arm->facts.label, lacks, other.path));
    }
  }

  // What a discarded launch read, and what of it came in the first trial of a deeper layer.
  void take_start_set(const Slot& slot, TrialResult* trial) {
    Arm& arm = arms_.all()[slot.arm];
    if (trial->rest_came_bytes) arm.rest_came_bytes.emplace(slot.kind, *trial->rest_came_bytes);
    if (!trial->start_set) return;
    for (const std::string& remark : trial->start_set->remarks) watcher_.warning(remark);
    arm.start_set = std::move(trial->start_set);
  }

  // With what the trial itself does not know.
  void complete(const Subject& subject, records::Record* record) const {
    records::apply_floor(subject.arm.facts, subject.target.name(), record);
    records::distrust_contradiction(record);
    records::redact(plan_.secrets, record);
    record->experiment = facts_;
    record->position = position_;
    const bool is_of_copy =
        subject.kind == TrialKind::cold || subject.kind == TrialKind::after_copy;
    const bool was_made = record->status != records::Status::interrupted;
    if (!subject.arm.copy || !is_of_copy || !was_made) return;
    const StagedCopy::Made& made = subject.arm.copy->made();
    record->copy_s = made.seconds;
    if (!made.remark.empty()) record->remarks.push_back(made.remark);
  }

  // A start that counts nowhere, but shows that this experiment is not whole.
  void keep_interrupted(const Subject& subject, records::Record* record) {
    record->status = records::Status::interrupted;
    record->cold = cold_word(
        {subject.kind, plan_.cold, subject.arm.is_memory(), false, true, records::Cold::unknown});
    complete(subject, record);
    sink_.append(*record);
    result_.records.push_back(*record);
    watcher_.trial_ended(subject, *record);
  }

  void keep(const Slot& slot, records::Record* record) {
    const records::Status status = record->status;
    // A warm-up counts for nothing, unless it shows that the target does not even start.
    if (slot.kind != TrialKind::warm_up || status != records::Status::ok) {
      sink_.append(*record);
      result_.records.push_back(*record);
    }
    result_.failed |= status == records::Status::failed || status == records::Status::timed_out;
    result_.not_cold |= status == records::Status::not_cold;
    if (slot.kind == TrialKind::cold && status == records::Status::ok && record->load_s) {
      stop_.add(slot, *record->load_s);
    }
  }

  const Plan& plan_;
  Arms& arms_;
  const gpu::Nvml& nvml_;
  records::Results& sink_;
  ExperimentWatcher& watcher_;
  const records::ExperimentFacts facts_;
  const std::vector<Slot> slots_;
  LogFolder logs_;
  std::set<pid_t> stand_in_servers_;
  RunStop stop_;
  std::uint64_t position_ = 0;
  ExperimentResult result_;
};

}  // namespace

ExperimentResult run_experiment(const Plan& plan, Arms& arms, const gpu::Nvml& nvml,
                                records::Results& sink, ExperimentWatcher& watcher) {
  CleanupHooks cleanup;
  for (const std::size_t arm : arms.present()) {
    if (os::interrupted()) break;
    cleanup.add(arms.all()[arm]);
    run_hook("setup", arms.all()[arm].start->hooks.setup, arms.all()[arm]);
  }
  measure_arm_floors(plan, &arms.all(), watcher);
  ExperimentResult result = Series(plan, arms, nvml, sink, watcher).run();
  cleanup.run();
  result.interrupted = os::interrupted();
  return result;
}

}  // namespace coldload::measure
