#include "measure/arms.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "os/error.h"
#include "os/file_id.h"
#include "os/file_lock.h"
#include "run/copy_source.h"
#include "stand_in/delivery.h"
#include "stand_in/mount_point.h"

namespace coldload::measure {

namespace {

// The arm that `flag` names, which must have a checkpoint.
const Arm& measured_arm(const char* flag, const std::string& label, const std::vector<Arm>& arms) {
  const auto found = std::find_if(arms.begin(), arms.end(),
                                  [&](const Arm& arm) { return arm.facts.label == label; });
  if (found == arms.end() || found->facts.placeholder) {
    throw os::Error(fmt::format("{}: there is nothing at '{}' so far", flag, label));
  }
  return *found;
}

std::string model_name_of(const Plan& plan, const std::vector<Arm>& arms) {
  if (!plan.model_name.empty()) return plan.model_name;
  for (const Arm& arm : arms) {
    if (arm.checkpoint) return arm.checkpoint->name;
  }
  return "";
}

// `mode`: shared where others measure the same files in step with this one.
std::vector<os::Fd> lock_checkpoints(const std::vector<Arm>& arms, os::LockMode mode) {
  std::vector<os::Fd> locks;
  std::set<os::FileId> locked;  // two arms may reach one directory by two paths
  for (const Arm& arm : arms) {
    if (!arm.checkpoint) continue;
    os::Fd directory = os::open_file(arm.storage.path, O_RDONLY | O_NONBLOCK);
    if (!locked.insert(os::file_id(directory)).second) continue;
    const os::LockAnswer answer = os::try_lock(directory, mode);
    if (answer == os::LockAnswer::held) {
      throw os::Error(fmt::format(
          "cannot lock {}: {} has it locked; two experiments would evict each other's pages: wait "
          "for that, or end it, or use --cold off",
          arm.path, os::lock_holder(directory)));
    }
    // File systems without locks: nothing to hold.
    if (answer == os::LockAnswer::taken) locks.push_back(std::move(directory));
  }
  return locks;
}

// The same checkpoint, seen through the mount of its stand-in.
void mount_stand_in_of(Arm* arm, ExperimentWatcher& watcher) {
  const bool is_file = arm->checkpoint->is_file;
  const std::filesystem::path source = arm->path;
  stand_in::Options options;
  options.source = is_file ? source.parent_path().string() : arm->path;
  options.pace = arm->request.stand_in->pace;
  options.links = stand_in::OutsideLinks::as_files;  // a hub snapshot's blobs, too
  arm->stand_in = std::make_unique<stand_in::StandIn>(stand_in::mount(options));
  arm->backing_files = arm->files();
  arm->path = arm->stand_in->path();
  if (is_file) arm->path += "/" + source.filename().string();
  arm->checkpoint = model::open_checkpoint(arm->path, arm->request.weights);
  const stand_in::Description& measured = arm->stand_in->description();
  records::StandInFacts& facts = *arm->facts.stand_in;
  facts.method = "fuse";
  facts.delivered_read_bytes_per_s = measured.delivered.read_bytes_per_s;
  facts.delivered_mmap_bytes_per_s = measured.delivered.mmap_bytes_per_s;
  facts.readahead_bytes = measured.readahead_bytes;
  look_behind(arm);
  const std::string less = stand_in::shortfall(measured);
  if (!less.empty()) watcher.warning(fmt::format("{}: {}", arm->facts.label, less));
}

// Where nothing can be mounted, for `reason`: the native loader's reads are held back instead.
void pace_reads_of(Arm* arm, const std::string& reason, ExperimentWatcher& watcher) {
  const StandInRequest& request = *arm->request.stand_in;
  if (request.pace.requests_per_s || request.pace.stream_bytes_per_s ||
      request.pace.client_bytes_per_s) {
    throw os::Error(fmt::format(
        "cannot give {} the pace {}: {}; without a mount only a rate and a latency can be had",
        arm->facts.label, request.spec, reason));
  }
  arm->pace = StandInRequest{stand_in::spec_of(request.pace), request.pace};
  arm->facts.stand_in->method = "reader";
  watcher.warning(
      fmt::format("no stand-in can be mounted here ({}): the native loader's reads of {} are held "
                  "to {} instead",
                  reason, arm->facts.label, arm->pace->spec));
}

void mount_stand_ins(std::vector<Arm>* arms, bool can_pace, ExperimentWatcher& watcher) {
  bool cleared = false;
  for (Arm& arm : *arms) {
    if (!arm.request.stand_in || arm.facts.placeholder) continue;
    const os::Availability available = stand_in::available();
    if (available.ok) {
      if (!std::exchange(cleared, true)) {
        for (const std::string& what : stand_in::clear_leftovers("")) watcher.warning(what);
      }
      mount_stand_in_of(&arm, watcher);
    } else if (can_pace) {
      pace_reads_of(&arm, available.reason, watcher);
    } else {
      throw os::Error(
          fmt::format("cannot mount the stand-in for {}: {}", arm.facts.label, available.reason));
    }
  }
}

// With a first copy; nothing where that was interrupted.
std::optional<Arm> staged_arm(const StagedArmRequest& stage, const Arm& source,
                              ExperimentWatcher& watcher) {
  StagedCopy::Request request;
  const run::CopySource copied = run::copy_source(*source.checkpoint);
  request.stage.source = copied.directory;
  request.stage.what.selection = copied.selection;
  request.source_files = source.files();
  request.backing_files = source.backing_files;
  request.stage.destination = stage.destination;
  request.keep = stage.keep;
  if (source.pace) request.stage.limit_bytes_per_s = source.pace->pace.rate_bytes_per_s;
  auto copy = std::make_unique<StagedCopy>(std::move(request), watcher);
  if (!copy->renew()) return std::nullopt;
  Arm arm = look_at({std::string(k_staged_label),
                     run::served_in_copy(source.path, stage.destination),
                     "",
                     {},
                     source.request.weights,
                     source.request.also});
  arm.facts.staged_from = stage.source_label;
  arm.copy = std::move(copy);
  return arm;
}

// The same path, mount and counter again.
Arm same_path_again(const Arm& source) {
  Arm arm;
  arm.request = source.request;
  arm.facts = source.facts;
  arm.path = source.path;
  arm.checkpoint = source.checkpoint;
  arm.backing_files = source.backing_files;
  arm.tensors_hashes = source.tensors_hashes;
  if (!arm.facts.placeholder) look_behind(&arm);
  return arm;
}

Arm prefetch_arm(const Arm& source) {
  Arm arm = same_path_again(source);
  arm.facts.label = arm.request.label = prefetch_label(source.facts.label);
  arm.facts.prefetch_of = source.facts.label;
  arm.cannot_warm = "there is nothing to read ahead";
  return arm;
}

void set_start(const StartRequest& start, Target* target, Arm* arm) {
  arm->start = &start;
  arm->target = target;
  if (start.name.empty()) return;
  arm->facts.start = {start.name, arm->facts.label, start.command, target->name(), target->facts()};
  arm->facts.label = arm->request.label = label_of(arm->facts.label, start);
}

// Every arm with every way to start; the ways of a path stand together.
std::vector<Arm> with_starts(std::vector<Arm> paths, const std::vector<StartRequest>& starts,
                             const Targets& targets) {
  std::vector<Arm> arms;
  for (Arm& path : paths) {
    std::vector<Arm> others;
    for (std::size_t i = 1; i < starts.size(); ++i) others.push_back(same_path_again(path));
    arms.push_back(std::move(path));
    set_start(starts.front(), targets.front().get(), &arms.back());
    for (std::size_t i = 1; i < starts.size(); ++i) {
      arms.push_back(std::move(others[i - 1]));
      set_start(starts[i], targets[i].get(), &arms.back());
    }
  }
  return arms;
}

}  // namespace

std::vector<std::size_t> Arms::present() const {
  std::vector<std::size_t> present;
  for (std::size_t i = 0; i < arms_.size(); ++i) {
    if (!arms_[i].facts.placeholder) present.push_back(i);
  }
  return present;
}

Subject Arms::subject(const Slot& slot) const {
  const Arm& arm = arms_[slot.arm];
  return {arm, *arm.target, slot.kind, slot.block};
}

PlannedArms::PlannedArms(const Plan& plan) : plan_(plan) {
  for (const ArmRequest& request : plan.arms) arms_.push_back(look_at(request));
  for (const std::string& label : plan.prefetch) (void)measured_arm("--prefetch", label, arms_);
  if (!plan.stage) return;
  (void)measured_arm("--stage", plan.stage->source_label, arms_);
  StagedCopy::check(plan.stage->destination);
}

Arms PlannedArms::prepare(const Targets& targets, ExperimentWatcher& watcher) && {
  std::vector<os::Fd> locks;
  if (plan_.cold != ColdPolicy::off) {
    locks =
        lock_checkpoints(arms_, plan_.is_of_herd ? os::LockMode::shared : os::LockMode::exclusive);
  }
  const std::string model_name = model_name_of(plan_, arms_);  // a mount has another
  const bool can_pace = std::all_of(targets.begin(), targets.end(),
                                    [](const auto& target) { return target->can_pace(); });
  mount_stand_ins(&arms_, can_pace, watcher);
  std::optional<Arm> staged;
  if (plan_.stage) {
    const Arm& source = measured_arm("--stage", plan_.stage->source_label, arms_);
    staged = staged_arm(*plan_.stage, source, watcher);
  }
  if (staged) arms_.push_back(std::move(*staged));
  for (const std::string& label : plan_.prefetch) {
    arms_.push_back(prefetch_arm(measured_arm("--prefetch", label, arms_)));
  }
  std::vector<Arm> arms = with_starts(std::move(arms_), plan_.starts, targets);
  for (Arm& arm : arms) arm.model_name = model_name;
  return {std::move(locks), std::move(arms)};
}

std::vector<records::SameStorage> same_storage(const std::vector<Arm>& arms) {
  std::vector<records::SameStorage> pairs;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    for (std::size_t j = i + 1; j < arms.size(); ++j) {
      const Arm& a = arms[i];
      const Arm& b = arms[j];
      // A stand-in is a view of other storage on purpose.
      if (!a.checkpoint || !b.checkpoint || a.facts.stand_in || b.facts.stand_in) continue;
      if (!a.facts.prefetch_of.empty() || !b.facts.prefetch_of.empty()) continue;
      // Two paths are the same storage, or not, whatever they are started with.
      if (a.start != b.start) continue;
      const std::string why = storage::same_storage(a.storage, a.files(), b.storage, b.files());
      if (why.empty()) continue;
      pairs.push_back({a.facts.label, b.facts.label, "the same storage: " + why});
    }
  }
  return pairs;
}

}  // namespace coldload::measure
