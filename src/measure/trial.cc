#include "measure/trial.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "measure/environment.h"
#include "measure/gpu_release.h"
#include "measure/gpu_sampler.h"
#include "measure/observation.h"
#include "measure/timeline.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/memory.h"
#include "os/subprocess.h"
#include "process/log_tail.h"
#include "storage/holders.h"
#include "storage/page_cache.h"
#include "storage/residency_sampler.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

constexpr std::chrono::seconds k_eviction_patience{5};

// The page cache brought to where this kind of trial starts, and what was found there.
struct Prepared {
  storage::PageCacheView view;
  ColdEvidence evidence;
  std::vector<std::string> remarks;
};

// A file server that a stand-in stands for has its files in memory.
void warm_backing(const Arm& arm, std::vector<std::string>* remarks) {
  if (arm.backing_files.empty()) return;
  const auto room = os::available_memory_bytes();
  if (room && *room < 2 * arm.checkpoint->weight_bytes()) {
    remarks->push_back("the stand-in's backing files were not kept warm: too little memory");
    return;
  }
  storage::PageCacheView(arm.backing_files).warm([](std::uint64_t) { return !os::interrupted(); });
}

void evict(const TrialInput& input, Prepared* prepared) {
  if (input.plan.drop_caches) {
    storage::drop_all_caches();
    prepared->remarks.emplace_back("all of the machine's caches were dropped (--drop-caches)");
  }
  warm_backing(input.arm, &prepared->remarks);
  prepared->view.evict(k_eviction_patience);
}

void name_leftovers(Prepared* prepared) {
  for (std::size_t i = 0; i < prepared->view.size(); ++i) {
    const auto resident = prepared->view.residency(i).resident_bytes;
    if (!resident || *resident == 0) continue;
    Leftover left{prepared->view.path(i), *resident, {}};
    for (const storage::Holder& holder : storage::find_holders({left.path})) {
      left.holders.push_back(storage::describe(holder));
    }
    prepared->evidence.leftovers.push_back(std::move(left));
  }
}

void remark_on_others(const Arm& arm, std::vector<std::string>* remarks) {
  const std::string stat = arm.storage.device
                               ? fmt::format("/sys/dev/block/{}:{}/stat", arm.storage.device->major,
                                             arm.storage.device->minor)
                               : "";
  const Quiet quiet = look_for_others(stat);
  constexpr double k_busy_cores = 0.5;
  constexpr double k_busy_disk_bytes_per_s = 5e6;
  if (quiet.busy_cores > k_busy_cores) {
    remarks->push_back(
        fmt::format("{:.1f} cores were busy with other work before launch", quiet.busy_cores));
  }
  if (quiet.disk_bytes_per_s.value_or(0) > k_busy_disk_bytes_per_s) {
    remarks->push_back(fmt::format("others moved {} on {} before launch",
                                   text::format_rate(*quiet.disk_bytes_per_s),
                                   arm.storage.device->name));
  }
}

Prepared prepare(const TrialInput& input, TrialWatcher& watcher) {
  const Arm& arm = input.arm;
  Prepared prepared{storage::PageCacheView(arm.files()), {}, {}};
  remark_on_others(arm, &prepared.remarks);
  if (input.slot.kind == TrialKind::warm) {
    const std::uint64_t total = arm.checkpoint->weight_bytes();
    prepared.view.warm([&](std::uint64_t bytes) {
      watcher.step("warm", bytes, total);
      return !os::interrupted();
    });
  } else if (input.slot.kind == TrialKind::cold && input.plan.cold != ColdPolicy::off) {
    watcher.step("evict", 0, 0);
    evict(input, &prepared);
  }
  ColdEvidence& evidence = prepared.evidence;
  evidence.memory_backed = arm.storage.cache == storage::CacheKind::memory_backed;
  if (!arm.counter.beyond_hidden_cache) evidence.hidden_cache = arm.storage.hidden_cache;
  evidence.fs_type = arm.storage.mount.fs_type;
  evidence.needed_bytes = arm.checkpoint->weight_bytes();
  evidence.counter_source = arm.counter.source;
  evidence.counter_this_mount_only = arm.counter.this_mount_only;
  evidence.no_counter_reason = arm.counter.reason;
  evidence.processes_are_charged = arm.counter.processes_are_charged;
  const auto room = os::available_memory_bytes();
  evidence.cache_can_hold = !room || *room > evidence.needed_bytes + evidence.needed_bytes / 4;
  if (input.slot.kind == TrialKind::cold) name_leftovers(&prepared);
  return prepared;
}

// What was there just before the launch, to be subtracted from what is there later.
struct Baseline {
  std::optional<double> gpu_mib;
  std::optional<std::uint64_t> counter_bytes;
};

// What a launched target did until it was ready or failed.
struct Watched {
  ReadyOutcome outcome;
  std::optional<std::uint64_t> counter_bytes;  // at ready
  std::optional<std::uint64_t> resident_once;  // see ColdEvidence
  Observed observed;
};

// Looks at the page cache are evidence; the rest is for the record's timeline.
TimelineSources timeline_sources(const TrialInput& input, const Baseline& baseline,
                                 storage::ResidencySampler& residency) {
  TimelineSources sources;
  sources.page_cache_bytes = [&residency] { return residency.look(); };
  if (input.plan.timeline && baseline.counter_bytes) {
    sources.storage_bytes = [&arm = input.arm, before = *baseline.counter_bytes]() {
      const auto now = arm.counter.counter->bytes();
      return now && *now >= before ? std::optional(*now - before) : std::nullopt;
    };
  }
  return sources;
}

// Waits for ready with the samplers running. Nothing is opened below the checkpoint's path.
Watched watch_load(const TrialInput& input, Launched& launched, const gpu::Nvml& nvml,
                   const Baseline& baseline, const storage::PageCacheView& view,
                   TrialWatcher& watcher, records::Record* record) {
  const Arm& arm = input.arm;
  std::optional<GpuSampler> gpus;
  storage::ResidencySampler residency(view, arm.shard_count());
  TimelineSources sources = timeline_sources(input, baseline, residency);
  if (input.plan.timeline && nvml.availability().ok) {
    gpus.emplace(nvml, baseline.gpu_mib);
    sources.gpu = [&gpus](const std::vector<pid_t>& pids) { return gpus->take(pids); };
  }
  Timeline timeline(launched.launched_at(), std::move(sources));
  std::vector<std::string> weight_files = arm.files();
  weight_files.resize(arm.shard_count());
  Observation observation(launched.tree(), weight_files, input.ignored_processes, &timeline);
  Watched watched;
  watched.outcome = launched.wait_ready([&](const LoadProgress& progress) {
    watcher.step("load", progress.bytes.value_or(0), arm.checkpoint->weight_bytes());
  });
  if (arm.counter.counter) watched.counter_bytes = arm.counter.counter->bytes();
  watched.observed = observation.finish();
  record->sampler_cpu_s = watched.observed.cpu_s + (gpus ? gpus->cpu_s() : 0);
  if (input.plan.timeline) record->timeline = to_json(timeline.samples());
  watched.resident_once = residency.seen_bytes();
  return watched;
}

// GPU memory at ready, and by which method it is known.
void note_gpu_memory(const gpu::Nvml& nvml, std::optional<double> baseline_mib,
                     process::ProcessTree& tree, records::Record* record) {
  if (!nvml.availability().ok) {
    record->gpu_mem_source = nvml.availability().reason;
    return;
  }
  std::vector<pid_t> pids;
  for (const os::ProcessInfo& member : tree.members()) pids.push_back(member.pid);
  if (const auto used = nvml.used_mib_by(pids)) {
    record->gpu_mem_used_mb = used;
    record->gpu_mem_source = "nvml, sum over the target's processes";
    return;
  }
  const auto used = nvml.used_mib();
  constexpr double k_noise_mib = 16;
  if (used && baseline_mib && *used - *baseline_mib > k_noise_mib) {
    record->gpu_mem_used_mb = *used - *baseline_mib;
    record->gpu_mem_source = "nvml, used minus used before launch";
    return;
  }
  record->gpu_mem_source =
      used ? "the target uses no GPU memory" : "NVML does not tell the memory in use";
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
void apply_outcome(const ReadyOutcome& outcome, const Account& account, os::TimePoint launched_at,
                   const std::string& log_path, records::Record* record) {
  record->reported = account.reported;
  const auto since_launch = [&](const std::optional<os::TimePoint>& at) {
    return at ? std::optional(os::seconds_between(launched_at, *at)) : std::nullopt;
  };
  record->spawn_s = since_launch(outcome.spawned_at);
  record->port_open_s = since_launch(outcome.port_open_at);
  if (outcome.kind != ReadyKind::ready) {
    record->reason = outcome.reason;
    if (!account.explanation.empty()) record->reason += "; " + account.explanation;
    record->reason += last_words(log_path);
    record->status =
        outcome.kind == ReadyKind::timed_out ? records::Status::timed_out : records::Status::failed;
    return;
  }
  record->load_s = os::seconds_between(launched_at, outcome.ready_at);
  record->phases = account.phases;
  double unattributed_s = *record->load_s;
  for (const records::Phase& phase : account.phases) unattributed_s -= phase.end_s - phase.start_s;
  record->unattributed_s = std::max(unattributed_s, 0.0);
  if (account.explanation.empty()) return;
  record->status = records::Status::failed;  // it got ready, and ended by itself
  record->reason = account.explanation + last_words(log_path);
}

void apply_verdict(const TrialInput& input, const ColdEvidence& evidence, records::Record* record) {
  const ColdVerdict verdict = judge_cold(evidence);
  record->storage_bytes_read = verdict.storage_bytes_read;
  record->storage_bytes_source = verdict.storage_bytes_source;
  const bool loaded = record->status == records::Status::ok;
  if (input.slot.kind == TrialKind::warm_up) {
    record->cold = records::Cold::off;
    if (!loaded) record->reason = "the discarded warm-up launch failed: " + record->reason;
    return;
  }
  if (input.slot.kind == TrialKind::warm) {
    record->cold = records::Cold::warm;
    const auto resident = record->resident_bytes_before;
    if (loaded && !is_warm(resident.value_or(0), evidence.needed_bytes)) {
      record->status = records::Status::failed;
      record->reason = fmt::format("not warm: {} of {} were in memory before launch",
                                   resident ? text::format_bytes(*resident) : "an unknown share",
                                   text::format_bytes(evidence.needed_bytes));
    }
    constexpr double k_worth_saying = 0.05;
    const std::uint64_t read = verdict.storage_bytes_read.value_or(0);
    if (loaded &&
        static_cast<double>(read) > k_worth_saying * static_cast<double>(evidence.needed_bytes)) {
      record->remarks.push_back(
          fmt::format("{} came from storage in this warm run", text::format_bytes(read)));
    }
    return;
  }
  if (input.plan.cold == ColdPolicy::off || input.slot.kind == TrialKind::after_copy) {
    record->cold = records::Cold::off;
    return;
  }
  if (!loaded) {
    // What a failed load read proves nothing, either way.
    record->cold = evidence.memory_backed ? records::Cold::not_applicable : records::Cold::unknown;
    return;
  }
  record->cold = verdict.cold;
  record->reason = verdict.reason;
  const bool cold_enough =
      verdict.cold == records::Cold::verified || verdict.cold == records::Cold::not_applicable;
  if (input.plan.cold == ColdPolicy::verify && !cold_enough)
    record->status = records::Status::not_cold;
}

records::Record blank_record(const TrialInput& input) {
  const Arm& arm = input.arm;
  records::Record record;
  record.started_at = os::utc_timestamp();
  record.arm = arm.facts.label;
  record.storage_mode = storage_mode_of(arm, input.slot.kind);
  record.path = arm.path;
  record.model = input.plan.model_name;
  record.max_model_len = input.plan.max_model_len;
  record.block = input.slot.block;
  record.checkpoint_bytes = arm.checkpoint->weight_bytes();
  record.note = input.plan.note;
  return record;
}

}  // namespace

std::string storage_mode_of(const Arm& arm, TrialKind kind) {
  const bool staged = !arm.facts.staged_from.empty();
  if (kind == TrialKind::warm) return arm.facts.label + (staged ? "_hot" : "_warm");
  return arm.facts.label + (kind == TrialKind::after_copy ? "_warm" : "");
}

void run_hook(const std::string& name, const std::string& command, const Arm& arm) {
  if (command.empty()) return;
  const os::ExitStatus status =
      os::run_shell(command, {{"COLDLOAD_ARM", arm.facts.label}, {"COLDLOAD_PATH", arm.path}});
  if (!status.success() && !os::interrupted()) {
    throw os::Error(
        fmt::format("--{} of {} failed ({}): {}", name, arm.facts.label, status.text(), command));
  }
}

TrialResult run_trial(const TrialInput& input, Target& target, const gpu::Nvml& nvml,
                      TrialWatcher& watcher) {
  const Arm& arm = input.arm;
  TrialResult result;
  records::Record& record = result.record;
  record = blank_record(input);
  run_hook("prepare", input.plan.hooks.prepare, arm);
  target.prepare();
  Prepared prepared = prepare(input, watcher);
  if (os::interrupted()) {
    result.interrupted = true;
    return result;
  }
  record.remarks = prepared.remarks;
  ColdEvidence& evidence = prepared.evidence;
  Baseline baseline;
  baseline.gpu_mib = nvml.used_mib();
  if (arm.counter.counter) baseline.counter_bytes = arm.counter.counter->bytes();
  const storage::PageCacheView& view = prepared.view;
  record.resident_bytes_before = view.resident_bytes();  // nothing comes between this and launch
  evidence.resident_bytes_before = record.resident_bytes_before;

  std::unique_ptr<Launched> launched;
  try {
    launched = target.launch({arm.path, input.log_path,
                              input.slot.kind == TrialKind::warm ? std::nullopt : arm.pace,
                              !arm.facts.prefetch_of.empty()});
  } catch (const os::Error& error) {
    result.interrupted = os::interrupted();
    if (result.interrupted) return result;
    record.status = records::Status::failed;
    record.reason = error.what();
    record.cold = input.slot.kind == TrialKind::warm ? records::Cold::warm : records::Cold::unknown;
    return result;
  }
  record.argv = launched->argv();
  record.log_file = input.log_name;
  const Watched watched = watch_load(input, *launched, nvml, baseline, view, watcher, &record);
  const ReadyOutcome& outcome = watched.outcome;
  record.resident_bytes_after = view.resident_bytes_of_first(arm.shard_count());
  note_gpu_memory(nvml, baseline.gpu_mib, launched->tree(), &record);
  if (input.plan.first_token && outcome.kind == ReadyKind::ready) {
    note_first_token(*launched, &record);
  }
  const os::TimePoint launched_at = launched->launched_at();
  watcher.step("stop", 0, 0);
  result.left_behind = launched->stop();
  const auto gpu_left = gpu_memory_still_used(nvml, baseline.gpu_mib);
  if (gpu_left) result.left_behind.push_back(*gpu_left);
  if (outcome.kind == ReadyKind::interrupted) {
    result.interrupted = true;
    return result;
  }

  const std::uint64_t bytes_before = baseline.counter_bytes.value_or(0);
  const std::uint64_t bytes_after = watched.counter_bytes.value_or(0);
  if (baseline.counter_bytes && watched.counter_bytes && bytes_after >= bytes_before) {
    evidence.counter_bytes = bytes_after - bytes_before;
  } else if (baseline.counter_bytes) {
    evidence.no_counter_reason =
        fmt::format("the {} counter stopped or began anew during the load", arm.counter.source);
  }
  evidence.target_bytes = watched.observed.target_bytes;
  evidence.lost_children = watched.observed.lost_children;
  evidence.foreign_readers = watched.observed.foreign_readers;
  evidence.weights_resident_after = record.resident_bytes_after;
  evidence.weights_resident_once = watched.resident_once;
  evidence.direct_bytes = outcome.direct_bytes;
  apply_outcome(outcome, launched->account(outcome), launched_at, input.log_path, &record);
  apply_verdict(input, evidence, &record);
  return result;
}

}  // namespace coldload::measure
