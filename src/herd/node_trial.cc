#include "herd/node_trial.h"

#include <chrono>
#include <exception>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "measure/hooks.h"
#include "measure/trial.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "records/contradiction.h"
#include "records/json_lines.h"
#include "records/redaction.h"
#include "storage/page_cache.h"

namespace coldload::herd {

namespace {

// What it was seen to read are its weights from now on.
void take(const measure::ReadSet& seen, measure::Arm* arm) {
  if (seen.read == measure::WeightsRead::seen && seen.files != arm->weights()) arm->take(seen);
}

ServerEvidence evidence_of(const measure::TrialResult& trial, const RankStartLine& line) {
  const auto ns = [](os::Clock::duration time) {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
  };
  const os::Standstill& stood = trial.evidence.standstill;
  return {trial.evidence, ns(stood.stopped), ns(stood.suspended),
          line.on_first_clock(*trial.looked_at)};
}

// What `part` tells, or what kept it from that. Throws OutOfStep.
NodeResult told_of(const std::function<NodeResult()>& part) {
  try {
    return part();
  } catch (const OutOfStep&) {
    throw;
  } catch (const std::exception& error) {
    NodeResult told;
    told.problem = error.what();
    told.interrupted = os::interrupted();
    return told;
  }
}

}  // namespace

NodeResult NodeTrials::run(const measure::Slot& slot, std::uint64_t position,
                           const std::string& mode, measure::GpusServe gpus, RankStartLine* line) {
  NodeResult told;
  const measure::Subject subject = arms_.subject(slot);
  measure::TrialInput input{plan_, subject, siblings_, logs_.create(position, mode), line, gpus};
  const bool is_after_copy = slot.kind == measure::TrialKind::after_copy;
  // As all begin a trial together, so do their copies. False: interrupted, as the trial says then.
  if (is_after_copy) static_cast<void>(subject.arm.copy->renew());
  measure::TrialResult trial = measure::run_trial(input, nvml_, watcher_);
  told.warnings = watcher_.take();
  told.interrupted = trial.interrupted;
  told.left_behind = trial.left_behind;
  take(trial.weights, &arms_.all()[slot.arm]);
  records::Record& record = trial.record;
  if (is_after_copy) {
    const measure::StagedCopy::Made& made = subject.arm.copy->made();
    record.copy_s = made.seconds;
    if (!made.remark.empty()) record.remarks.push_back(made.remark);
  }
  record.storage_mode = mode;
  record.position = position;
  record.experiment.id = experiment_;  // all else of it is the first rank's to say
  records::distrust_contradiction(&record);
  records::redact(plan_.secrets, &record);
  told.record = records::json_line_of(record);
  told.clock_error_ns = static_cast<std::uint64_t>(line->clock_error().count());
  if (!trial.launched_at) return told;
  told.launched_ns = line->on_first_clock(*trial.launched_at);
  if (!siblings_.empty()) told.evidence = evidence_of(trial, *line);
  return told;
}

NodeResult NodeTrials::warm_up(std::uint64_t position, RankStartLine* line) {
  const std::string mode = arms_.all().front().facts.label + "_warmup";
  NodeResult told = told_of([&] {
    return run({measure::TrialKind::warm_up, 0, 1}, position, mode, gpus_, line);
  });
  line->pass();
  return told;
}

NodeResult NodeTrials::launch(std::uint64_t position, const HerdSlot& slot, RankStartLine* line) {
  const bool is_copied = arms_.all()[slot.arm].copy != nullptr;
  const measure::Slot own{is_copied ? measure::TrialKind::after_copy : measure::TrialKind::cold,
                          slot.arm, slot.block};
  const std::string mode = fmt::format("{}_{}", arms_.subject(own).storage_mode(), slot.name());
  const measure::GpusServe gpus =
      slot.members().size() > 1 ? gpus_ : measure::GpusServe::one_target;
  NodeResult told = told_of([&] { return run(own, position, mode, gpus, line); });
  line->pass();
  return told;
}

NodeResult NodeTrials::idle(RankStartLine* line) {
  NodeResult told = told_of([&] { return watch_idle(line); });
  line->pass();
  return told;
}

NodeResult NodeTrials::prepare_server(const std::string& line) {
  return told_of([&] {
    measure::run_hook("prepare-server", line, arms_.all().front());
    NodeResult told;
    told.interrupted = os::interrupted();
    return told;
  });
}

NodeResult NodeTrials::watch_idle(RankStartLine* line) const {
  constexpr std::chrono::seconds k_eviction_patience{5};
  NodeResult told;
  const measure::Arm& arm = arms_.all().front();
  const std::vector<std::string> files = arm.files();
  if (plan_.cold != measure::ColdPolicy::off && !arm.is_memory()) {
    told.interrupted = !storage::evict_by_child(files, k_eviction_patience);
  }
  const storage::PageCacheView view(files);
  const auto before = view.resident_bytes();
  if (!told.interrupted && line->meet()) line->finish();
  const auto after = view.resident_bytes();
  if (before && after) told.came_bytes = *after > *before ? *after - *before : 0;
  return told;
}

}  // namespace coldload::herd
