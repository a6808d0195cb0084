#include "measure/trial.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "measure/cache_use.h"
#include "measure/deeper_layers.h"
#include "measure/gpu_sampler.h"
#include "measure/hooks.h"
#include "measure/observation.h"
#include "measure/start_state.h"
#include "measure/timeline.h"
#include "measure/trial_verdict.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/standstill.h"
#include "process/log_tail.h"
#include "start_set/learner.h"
#include "storage/residency_sampler.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

// What was there just before the launch, to be subtracted from what is there later.
struct Baseline {
  std::optional<double> gpu_mib;
  std::optional<std::uint64_t> counter_bytes;
};

// What the path's counter has grown by. Nothing where it is not known, or began anew.
std::optional<std::uint64_t> delivered_since(const Baseline& baseline, const Arm& arm) {
  if (!baseline.counter_bytes) return std::nullopt;
  const auto now = arm.counter.counter();
  return now && *now >= *baseline.counter_bytes ? std::optional(*now - *baseline.counter_bytes)
                                                : std::nullopt;
}

// Waits for ready with the samplers running. Nothing is opened below the checkpoint's path.
process::Readiness watch_load(const TrialInput& input, Launched& launched, const gpu::Nvml& nvml,
                              const Baseline& baseline, StartState* start,
                              ExperimentWatcher& watcher, records::Record* record) {
  const Arm& arm = input.subject.arm;
  std::optional<GpuSampler> gpus;
  std::vector<std::size_t> candidates(arm.candidates.size());
  std::iota(candidates.begin(), candidates.end(), std::size_t{0});
  storage::ResidencySampler residency(start->view, candidates);
  // Looks at the page cache are evidence; the rest is for the record's timeline.
  TimelineSources sources;
  sources.page_cache_bytes = [&residency] { return residency.look(); };
  if (input.plan.timeline && baseline.counter_bytes) {
    sources.storage_bytes = [&] { return delivered_since(baseline, arm); };
  }
  if (input.plan.timeline && nvml.availability().ok) {
    const bool is_alone = input.gpus == GpusServe::one_target;
    gpus.emplace(nvml, is_alone ? baseline.gpu_mib : std::nullopt);
    sources.gpu = [&gpus](const std::vector<pid_t>& pids) { return gpus->take(pids); };
  }
  Timeline timeline(launched.launched_at(), std::move(sources));
  Observation observation(launched.tree(), arm.candidate_paths(), input.ignored_processes, timeline,
                          start->accesses);
  process::Readiness seen = launched.wait_ready([&](std::optional<std::uint64_t> bytes) {
    watcher.step("load", bytes.value_or(0), arm.weight_bytes());
  });
  ColdEvidence& evidence = start->evidence;
  evidence.counter_bytes = delivered_since(baseline, arm);
  if (baseline.counter_bytes && !evidence.counter_bytes) {
    evidence.no_counter_reason =
        fmt::format("the {} counter stopped or began anew during the load", arm.counter.source);
  }
  evidence.observed = observation.finish();
  for (std::size_t i = 0; i < arm.candidates.size(); ++i) {
    start->came_once.push_back(residency.seen_bytes(i));
  }
  record->sampler_cpu_s = evidence.observed.cpu_s + (gpus ? gpus->cpu_s() : 0);
  if (input.plan.timeline) record->timeline = to_json(timeline.samples());
  return seen;
}

void note_gpu_memory(const gpu::Nvml& nvml, std::optional<double> baseline_mib, GpusServe gpus,
                     process::ProcessTree& tree, records::Record* record) {
  if (!nvml.availability().ok) {
    record->gpu_mem_source = nvml.availability().reason;
    return;
  }
  std::vector<pid_t> pids;
  for (const os::ProcessInfo& member : tree.members()) pids.push_back(member.pid);
  const GpuMemory memory =
      gpu_memory_of(nvml.used_mib_by(pids), nvml.used_mib(), baseline_mib, gpus);
  record->gpu_mem_used_mb = memory.used_mib;
  record->gpu_mem_source = memory.source;
}

void note_first_token(Launched& launched, records::Record* record) {
  const std::optional<FirstToken> token = launched.first_token();
  if (!token) {
    record->remarks.emplace_back("no first token: this target gives none");
    return;
  }
  record->first_token_s = token->after_s;
  if (!token->after_s) record->remarks.push_back("no first token: " + token->reason);
}

// The end of the target's output: why it failed is usually there.
std::string last_words(const std::string& log_path) {
  std::string words;
  for (const std::string& line : process::last_log_lines(log_path, 3)) {
    words += (words.empty() ? "; its last words: " : " / ") + line;
  }
  return words;
}

// Called when the target is gone and its log complete.
void apply_outcome(const process::Readiness& seen, const Account& account, const Launched& launched,
                   const std::string& log_path, records::Record* record) {
  record->reported = account.reported;
  if (!account.log_problem.empty()) {
    record->remarks.push_back("the log lacks some of what the server wrote: " +
                              account.log_problem);
  }
  const auto since_launch = [&](const std::optional<os::TimePoint>& at) {
    return at ? std::optional(os::seconds_between(launched.launched_at(), *at)) : std::nullopt;
  };
  record->spawn_s = since_launch(launched.spawned_at());
  record->port_open_s = since_launch(seen.port_open_at);
  if (seen.outcome != process::Outcome::ready) {
    record->reason = seen.reason;
    if (!account.explanation.empty()) record->reason += "; " + account.explanation;
    record->reason += last_words(log_path);
    record->status = seen.outcome == process::Outcome::timed_out ? records::Status::timed_out
                                                                 : records::Status::failed;
    return;
  }
  record->load_s = since_launch(seen.ready_at);
  record->phases = account.phases;
  double unattributed_s = *record->load_s;
  for (const records::Phase& phase : account.phases) unattributed_s -= phase.end_s - phase.start_s;
  record->unattributed_s = std::max(unattributed_s, 0.0);
  if (account.explanation.empty()) return;
  record->status = records::Status::failed;  // it got ready, and ended by itself
  record->reason = account.explanation + last_words(log_path);
}

// The sum over those of `files`; nothing where it is not known of one.
std::optional<std::uint64_t> sum_of(const std::vector<std::optional<std::uint64_t>>& bytes,
                                    const std::vector<std::size_t>& files) {
  std::uint64_t sum = 0;
  for (const std::size_t file : files) {
    if (!bytes[file]) return std::nullopt;
    sum += *bytes[file];
  }
  return sum;
}

// Which files the load took its weights from. What was in memory before tells nothing of that.
ReadSet weights_of(const Subject& subject, const StartState& start, process::Outcome outcome,
                   const std::vector<std::optional<std::uint64_t>>& resident) {
  const bool began_cold = starts_cold(subject.kind) || subject.kind == TrialKind::warm_up;
  if (!began_cold || outcome != process::Outcome::ready ||
      start.evidence.resident_bytes_before.value_or(0) > 0)
    return {};
  const std::vector<Candidate>& candidates = subject.arm.candidates;
  std::vector<CandidateUse> uses;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    CandidateUse use{candidates[i].bytes, resident[i], {}, false};
    // What lies in memory is there whether it is read or not.
    if (subject.arm.sources.in_memory[i]) use.came_bytes.reset();
    if (use.came_bytes) *use.came_bytes = std::max(*use.came_bytes, start.came_once[i].value_or(0));
    if (start.accesses.complete()) use.access = start.accesses.seen()[i];
    use.opened_directly = start.evidence.observed.opened_directly.count(candidates[i].path) != 0;
    uses.push_back(use);
  }
  return read_set_of(uses, start.accesses.complete(), start.evidence.direct_bytes.value_or(0) > 0);
}

// Of a shard of which the index needs a part.
void leave_out(std::uint64_t bytes, ColdEvidence* evidence) {
  evidence->needed_bytes -= bytes;
  if (evidence->stored_bytes) *evidence->stored_bytes -= std::min(bytes, *evidence->stored_bytes);
}

// What the weights were, and what of them is in memory now: for the verdict and for the record.
ReadSet note_weights(const Subject& subject, process::Outcome outcome,
                     const std::vector<std::optional<std::uint64_t>>& resident, StartState* start,
                     records::Record* record) {
  const std::vector<Candidate>& candidates = subject.arm.candidates;
  ReadSet set = weights_of(subject, *start, outcome, resident);
  const std::vector<std::size_t> guessed = subject.arm.weights();
  const std::vector<std::size_t>& weights = set.read == WeightsRead::seen ? set.files : guessed;
  ColdEvidence& evidence = start->evidence;
  evidence.weights_read = set.read;
  if (weights != guessed) {
    apply_sources(storage::find_sources(subject.arm.files(), weights), &evidence);
  }
  std::vector<std::size_t> cold;  // what lies in memory is left out, unless all of them do
  record->checkpoint_bytes = 0;
  record->tensors_hash = subject.arm.tensors_hash(weights);
  for (const std::size_t file : weights) {
    const Candidate& weight = candidates[file];
    record->checkpoint_bytes += weight.needed_bytes;
    if (!evidence.memory_backed && subject.arm.sources.in_memory[file]) continue;
    cold.push_back(file);
    leave_out(weight.bytes - weight.needed_bytes, &evidence);
  }
  evidence.weights_resident_after = sum_of(resident, cold);
  evidence.weights_resident_once = sum_of(start->came_once, cold);
  record->resident_bytes_after = sum_of(resident, weights);
  if (const std::string words = not_read(candidates, set); !words.empty()) {
    record->remarks.push_back(words);
  }
  return set;
}

// However the trial ended.
void judge_trial(const TrialInput& input, const StartState& start, records::Record* record) {
  apply_verdict(input.subject.kind, input.plan.cold, start.evidence,
                judge_with_rest(input.subject, start, *record), record);
}

constexpr std::chrono::milliseconds k_last_look{500};  // before a launch that all have agreed on

// At that instant, where there is one. Null where it could not be started at all: `result` says
// why.
std::unique_ptr<Launched> launch(const TrialInput& input, std::optional<os::TimePoint> at,
                                 const StartState& start, std::optional<os::StandstillWatch>* watch,
                                 TrialResult* result) {
  records::Record& record = result->record;
  try {
    watch->emplace();
    if (at) os::sleep_until(*at);
    if (at && os::interrupted()) throw os::Error("interrupted");
    return input.subject.target.launch(input.subject.launch_request(input.log.file));
  } catch (const os::Error& error) {
    result->interrupted = os::interrupted();
    record.reason = result->interrupted ? "interrupted at its launch" : error.what();
  }
  if (result->interrupted) return nullptr;
  record.status = records::Status::failed;
  judge_trial(input, start, &record);
  return nullptr;
}

// Of several nodes, where no launch follows.
TrialResult not_launched(TrialResult result) {
  result.interrupted = os::interrupted();
  result.record.status = records::Status::failed;
  result.record.reason =
      result.interrupted ? "interrupted before its launch" : "another node could not start";
  return result;
}

records::Record blank_record(const TrialInput& input) {
  const Arm& arm = input.subject.arm;
  records::Record record;
  record.started_at = os::utc_timestamp();
  record.arm = arm.facts.label;
  record.storage_mode = input.subject.storage_mode();
  record.layer = layer_of(input.subject.kind);
  record.path = arm.path;
  record.model = arm.model_name;
  record.max_model_len = arm.start->max_model_len;
  record.block = input.subject.block;
  record.checkpoint_bytes = arm.weight_bytes();
  record.tensors_hash = arm.tensors_hash(arm.weights());
  record.note = input.plan.note;
  return record;
}

}  // namespace

TrialResult run_trial(const TrialInput& input, const gpu::Nvml& nvml, ExperimentWatcher& watcher) {
  const Subject& subject = input.subject;
  const Arm& arm = subject.arm;
  TrialResult result;
  records::Record& record = result.record;
  record = blank_record(input);
  record.reason = "interrupted before its launch";  // where that is how it ends
  if (!os::interrupted()) run_hook("prepare", arm.start->hooks.prepare, arm);
  if (os::interrupted()) {
    result.interrupted = true;
    return result;
  }
  subject.target.prepare(subject.kind == TrialKind::first ? Target::Caches::emptied
                                                          : Target::Caches::kept);
  const CacheWatch caches(subject.target.cache_folders());
  std::optional<StartState> reached = bring_to_start(subject, input.plan, watcher);
  if (!reached || os::interrupted()) {
    result.interrupted = true;
    return result;
  }
  StartState& start = *reached;
  record.reason.clear();
  record.remarks = start.remarks;
  if (start.rest) start.rest->look_before();
  std::optional<start_set::Learner> learner;
  if (subject.kind == TrialKind::warm_up && input.plan.has_deeper_layers()) {
    learner.emplace(roles_of(subject));
  }
  const std::optional<double> gpu_mib = nvml.used_mib();  // nobody launches before all have met
  std::optional<os::TimePoint> launch_at;
  if (input.start_line != nullptr) {
    launch_at = input.start_line->meet();
    if (launch_at) os::sleep_until(*launch_at - k_last_look);
    if (!launch_at || os::interrupted()) return not_launched(std::move(result));
    start.accesses.forget();  // by those who made the files cold beside us
  }
  const Baseline baseline{gpu_mib, arm.counter.counter ? arm.counter.counter() : std::nullopt};
  record.resident_bytes_before = start.view.resident_bytes();  // nothing between this and launch
  start.evidence.resident_bytes_before = start.view.resident_bytes_of(start.can_be_cold);
  result.looked_at = os::Clock::now();

  std::optional<os::StandstillWatch> watch;
  const std::unique_ptr<Launched> launched = launch(input, launch_at, start, &watch, &result);
  if (!launched) return result;
  result.launched_at = launched->launched_at();
  record.argv = launched->argv();
  record.log_file = input.log.name;
  const process::Readiness seen =
      watch_load(input, *launched, nvml, baseline, &start, watcher, &record);
  start.evidence.standstill = watch->finish();
  std::vector<std::optional<std::uint64_t>> resident;  // by candidate
  for (std::size_t i = 0; i < arm.candidates.size(); ++i) {
    resident.push_back(start.view.resident_bytes(i));
  }
  if (start.rest) start.rest->look_after();
  result.start_set = learned(learner ? &*learner : nullptr, *launched, seen);
  note_gpu_memory(nvml, baseline.gpu_mib, input.gpus, launched->tree(), &record);
  if (seen.outcome != process::Outcome::interrupted) caches.note(&record);
  const bool was_interrupted = seen.outcome == process::Outcome::interrupted;
  if (input.start_line != nullptr && !was_interrupted) input.start_line->finish();
  if (input.plan.first_token && seen.outcome == process::Outcome::ready) {
    note_first_token(*launched, &record);
  }
  watcher.step("stop", 0, 0);
  result.left_behind = launched->stop();
  const auto gpu_left = gpu_memory_still_used([&] { return nvml.used_mib(); }, baseline.gpu_mib,
                                              release_limits(input.gpus));
  if (gpu_left) result.left_behind.push_back(*gpu_left);
  if (seen.outcome == process::Outcome::interrupted) {
    record.reason = "interrupted before it was ready";
    result.interrupted = true;
    return result;
  }
  const Account account = launched->account(seen);
  start.evidence.direct_bytes = account.direct_bytes;
  result.weights = note_weights(subject, seen.outcome, resident, &start, &record);
  apply_outcome(seen, account, *launched, os::path_by_descriptor(*input.log.file), &record);
  note_rest(start, &record);
  judge_trial(input, start, &record);
  result.evidence = start.evidence;
  if (start.rest && record.cold == records::Cold::verified) {
    result.rest_came_bytes = start.rest->evidence().came_bytes;
  }
  return result;
}

}  // namespace coldload::measure
