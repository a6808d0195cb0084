#include "herd/node_trial.h"

#include <chrono>
#include <exception>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "herd/warnings.h"
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

NodeResult NodeTrials::run(measure::TrialKind kind, std::uint64_t position, std::uint64_t block,
                           const std::string& mode, RankStartLine* line) {
  NodeResult told;
  Warnings watcher(&told.warnings);
  const measure::Subject subject = arms_.subject({kind, arms_.present().front(), block});
  measure::TrialInput input{plan_, subject, {}, logs_.create(position, mode), line, gpus_};
  measure::TrialResult trial = measure::run_trial(input, nvml_, watcher);
  told.interrupted = trial.interrupted;
  told.left_behind = trial.left_behind;
  take(trial.weights, &arms_.all().front());
  records::Record& record = trial.record;
  record.storage_mode = mode;
  record.position = position;
  record.experiment.id = experiment_;  // all else of it is the first rank's to say
  records::distrust_contradiction(&record);
  records::redact(plan_.secrets, &record);
  told.record = records::json_line_of(record);
  told.clock_error_ns = static_cast<std::uint64_t>(line->clock_error().count());
  if (trial.launched_at) told.launched_ns = line->on_first_clock(*trial.launched_at);
  return told;
}

NodeResult NodeTrials::warm_up(std::uint64_t position, RankStartLine* line) {
  const std::string mode = arms_.all().front().facts.label + "_warmup";
  NodeResult told =
      told_of([&] { return run(measure::TrialKind::warm_up, position, 1, mode, line); });
  line->pass();
  return told;
}

NodeResult NodeTrials::launch(std::uint64_t position, std::uint64_t block, std::uint64_t size,
                              RankStartLine* line) {
  const std::string mode = fmt::format("{}_herd{}", arms_.all().front().facts.label, size);
  NodeResult told =
      told_of([&] { return run(measure::TrialKind::cold, position, block, mode, line); });
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
