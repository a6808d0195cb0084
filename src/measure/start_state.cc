#include "measure/start_state.h"

#include <chrono>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "measure/environment.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "os/memory.h"
#include "storage/holders.h"
#include "storage/path_answers.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

constexpr std::chrono::seconds k_eviction_patience{5};

// A file server that a stand-in stands for has its files in memory.
void warm_backing(const Arm& arm, std::vector<std::string>* remarks) {
  if (arm.backing_files.empty()) return;
  const auto room = os::available_memory_bytes();
  if (room && *room < 2 * arm.weight_bytes()) {
    remarks->push_back("the stand-in's backing files were not kept warm: too little memory");
    return;
  }
  const storage::PageCacheView view(arm.backing_files);
  view.warm(view.all(), {});
}

std::vector<Leftover> leftovers_of(const storage::PageCacheView& view,
                                   const std::vector<std::size_t>& files) {
  std::vector<Leftover> leftovers;
  for (const std::size_t i : files) {
    const auto resident = view.resident_bytes(i);
    if (!resident || *resident == 0) continue;
    const std::uint64_t pages = (*resident + os::page_size() - 1) / os::page_size();
    Leftover left{view.path(i), *resident, pages, {}};
    for (const storage::Holder& holder : storage::find_holders({left.path})) {
      left.holders.push_back(storage::describe(holder));
    }
    leftovers.push_back(std::move(left));
  }
  return leftovers;
}

void remark_on_priorities(std::vector<std::string>* remarks) {
  const std::string priorities = own_priorities();
  if (priorities.empty()) return;
  remarks->push_back(
      fmt::format("started as coldload was, with {}: not as a server usually starts", priorities));
}

void remark_on_others(const Arm& arm, std::vector<std::string>* remarks) {
  const std::string stat = arm.storage.device
                               ? fmt::format("/sys/dev/block/{}:{}/stat", arm.storage.device->major,
                                             arm.storage.device->minor)
                               : "";
  const Quiet quiet = look_for_others(stat);
  constexpr double k_busy_cores = 0.5;
  constexpr double k_busy_disk_bytes_per_s = 5e6;
  if (quiet.busy_cores.value_or(0) > k_busy_cores) {
    remarks->push_back(
        fmt::format("{:.1f} cores were busy with other work before launch", *quiet.busy_cores));
  }
  if (quiet.disk_bytes_per_s.value_or(0) > k_busy_disk_bytes_per_s) {
    remarks->push_back(fmt::format("others moved {} on {} before launch",
                                   text::format_rate(*quiet.disk_bytes_per_s),
                                   arm.storage.device->name));
  }
}

// All but the candidates that are no weights: another copy would only take memory.
std::vector<std::size_t> warmed_files(const Arm& arm, const storage::PageCacheView& view) {
  std::vector<std::size_t> files;
  for (std::size_t i = 0; i < view.size(); ++i) {
    if (i >= arm.candidates.size() || arm.candidates[i].is_weight) files.push_back(i);
  }
  return files;
}

// Of the path: what a verdict on its reads has to go by.
ColdEvidence evidence_of(const Arm& arm) {
  ColdEvidence evidence;
  apply_sources(arm.sources, &evidence);
  evidence.candidates = arm.candidates.size();
  evidence.counter_source = arm.counter.source;
  evidence.counter_this_mount_only = arm.counter.this_mount_only;
  evidence.no_counter_reason = arm.counter.reason;
  evidence.processes_are_charged = arm.counter.processes_are_charged;
  return evidence;
}

}  // namespace

void apply_sources(const storage::FileSources& sources, ColdEvidence* evidence) {
  evidence->memory_backed = sources.all_in_memory();
  evidence->fs_type = sources.main().mount.fs_type;
  evidence->hidden_cache = sources.hidden_cache;
  evidence->memory_share = sources.memory_share();
  evidence->stored_bytes = sources.stored_bytes;
  evidence->not_comparable = sources.not_comparable;
  evidence->needed_bytes = sources.cold_bytes();
}

std::optional<StartState> bring_to_start(const Subject& subject, const Plan& plan,
                                         ExperimentWatcher& watcher) {
  const Arm& arm = subject.arm;
  if (!storage::require_answers(arm.files())) return std::nullopt;
  StartState start{storage::PageCacheView(arm.files()),
                   arm.sources.can_be_cold(),
                   {},
                   evidence_of(arm),
                   {},
                   {},
                   nullptr};
  ColdEvidence& evidence = start.evidence;
  remark_on_priorities(&start.remarks);
  remark_on_others(arm, &start.remarks);
  if (plan.drop_caches && starts_cold(subject.kind)) {
    watcher.step("evict", 0, 0);
    storage::drop_all_caches();
    start.remarks.emplace_back("all of the machine's caches were dropped (--drop-caches)");
  }
  if (subject.kind == TrialKind::warm) {
    start.view.warm(warmed_files(arm, start.view), [&](std::uint64_t bytes) {
      watcher.step("warm", bytes, evidence.needed_bytes);
    });
  } else if (subject.is_evicted(plan.cold)) {
    watcher.step("evict", 0, 0);
    warm_backing(arm, &start.remarks);
    if (!storage::evict_by_child(arm.files(), k_eviction_patience)) return std::nullopt;
    evidence.leftovers = leftovers_of(start.view, start.can_be_cold);
  }
  const bool has_rest = arm.start_set && subject.kind != TrialKind::warm_up;
  if (has_rest && !os::interrupted()) {
    start.rest = std::make_unique<RestState>(*arm.start_set, subject.kind);
    start.rest->bring(watcher);
  }
  if (os::interrupted()) return std::nullopt;  // by somebody who may wait for what hangs
  start.accesses = storage::AccessWatch(arm.candidate_paths());
  evidence.why_unseen = start.view.why_unseen();
  const auto room = os::available_memory_bytes();
  evidence.cache_can_hold = !room || *room > evidence.needed_bytes + evidence.needed_bytes / 4;
  return start;
}

}  // namespace coldload::measure
