#include "measure/arm.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "measure/environment.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/memory.h"
#include "stand_in/delivery.h"
#include "storage/file_systems.h"
#include "storage/page_cache.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

std::vector<std::string> real_paths(const model::Checkpoint& checkpoint) {
  std::vector<std::string> paths;
  for (const model::CheckpointFile& file : checkpoint.files) paths.push_back(file.real_path);
  return paths;
}

// Why the checkpoint cannot be brought into memory and stay there until a target opens it.
std::string why_not_warm(const Arm& arm) {
  if (arm.storage.cache == storage::CacheKind::memory_backed) {
    return fmt::format("{} is memory: every load of it is warm", arm.storage.mount.fs_type);
  }
  const auto room = os::available_memory_bytes();
  if (room && *room < arm.checkpoint->weight_bytes()) {
    return fmt::format("the checkpoint has {}, the page cache can grow to {}",
                       text::format_bytes(arm.checkpoint->weight_bytes()),
                       text::format_bytes(*room));
  }
  if (!arm.checkpoint->files.empty() &&
      !storage::PageCacheView({arm.checkpoint->files.back().real_path}).observable()) {
    return "residency cannot be seen: the files are neither ours nor writable for us";
  }
  if (storage::opening_may_drop_pages(arm.storage.mount) && !arm.checkpoint->files.empty()) {
    const auto drops = storage::reopening_drops_pages(arm.checkpoint->files.back().real_path);
    if (drops.value_or(false)) {
      return "this FUSE mount drops a file's pages whenever it is opened again";
    }
  }
  return "";
}

void look_behind(Arm* arm) {
  // What counts is where the weights really lie: a hub snapshot is a directory of links.
  const auto shards = arm->checkpoint->shards();
  arm->storage = storage::inspect_path(shards.front()->real_path);
  arm->counter = storage::choose_byte_counter(arm->storage);
  for (const model::CheckpointFile* shard : shards) {
    struct stat info {};
    if (::stat(shard->real_path.c_str(), &info) == 0 && info.st_dev != arm->storage.device_id) {
      arm->counter = {};
      arm->counter.reason = "the shards lie on several file systems: no one counter sees them all";
    }
  }
  arm->storage.path = storage::inspect_path(arm->path).path;
  arm->facts.storage = storage::to_json(arm->storage);
  arm->cannot_warm = why_not_warm(*arm);
}

Arm look_at(const ArmRequest& request) {
  Arm arm;
  arm.facts.label = request.label;
  arm.facts.placeholder = !request.missing.empty();
  arm.facts.missing = request.missing;
  if (arm.facts.placeholder) {
    arm.facts.path = request.path;
    return arm;
  }
  arm.checkpoint = model::open_checkpoint(request.path);
  if (arm.checkpoint->weight_bytes() == 0) {
    throw os::Error(fmt::format("the checkpoint {} has no weight bytes: there is nothing to load",
                                request.path));
  }
  arm.path = arm.checkpoint->path;
  arm.facts.path = arm.path;
  if (request.stand_in) {
    records::StandInFacts facts;
    facts.spec = request.stand_in->spec;
    facts.rate_bytes_per_s = request.stand_in->pace.rate_bytes_per_s;
    facts.latency_s = std::chrono::duration<double>(request.stand_in->pace.latency).count();
    arm.facts.stand_in = facts;
  }
  look_behind(&arm);
  return arm;
}

// The same checkpoint, seen through the mount of the stand-in.
void move_to_mount(Arm* arm, std::unique_ptr<stand_in::StandIn> stand_in) {
  arm->backing_files = real_paths(*arm->checkpoint);
  const std::string name = std::filesystem::path(arm->checkpoint->path).filename();
  arm->path = arm->checkpoint->format == model::Format::gguf ? stand_in->path() + "/" + name
                                                             : stand_in->path();
  arm->checkpoint = model::open_checkpoint(arm->path);
  const stand_in::Description& measured = stand_in->description();
  records::StandInFacts& facts = *arm->facts.stand_in;
  facts.method = "fuse";
  facts.delivered_read_bytes_per_s = measured.delivered.read_bytes_per_s;
  facts.delivered_mmap_bytes_per_s = measured.delivered.mmap_bytes_per_s;
  facts.readahead_bytes = measured.readahead_bytes;
  arm->stand_in = std::move(stand_in);
  look_behind(arm);
}

}  // namespace

std::vector<std::string> Arm::files() const { return real_paths(*checkpoint); }

std::size_t Arm::shard_count() const { return checkpoint->shards().size(); }

std::vector<Arm> look_at_arms(const Plan& plan) {
  std::vector<Arm> arms;
  for (const ArmRequest& request : plan.arms) arms.push_back(look_at(request));
  return arms;
}

std::vector<std::string> same_storage_statements(const std::vector<Arm>& arms) {
  std::vector<std::string> statements;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    for (std::size_t j = i + 1; j < arms.size(); ++j) {
      const Arm& a = arms[i];
      const Arm& b = arms[j];
      // A stand-in is a view of other storage on purpose.
      if (!a.checkpoint || !b.checkpoint || a.facts.stand_in || b.facts.stand_in) continue;
      if (!a.facts.prefetch_of.empty() || !b.facts.prefetch_of.empty()) continue;
      const std::string why = storage::same_storage(a.storage, a.files(), b.storage, b.files());
      if (why.empty()) continue;
      statements.push_back(
          fmt::format("{} and {} are the same storage: {}", a.facts.label, b.facts.label, why));
    }
  }
  return statements;
}

void mount_stand_ins(std::vector<Arm>* arms, const Plan& plan, bool can_pace) {
  for (std::size_t i = 0; i < arms->size(); ++i) {
    Arm& arm = (*arms)[i];
    const std::optional<StandInRequest>& request = plan.arms[i].stand_in;
    if (!request || arm.facts.placeholder) continue;
    const os::Availability available = stand_in::available();
    if (available.ok) {
      stand_in::Options options;
      options.source = arm.checkpoint->format == model::Format::gguf
                           ? std::filesystem::path(arm.path).parent_path().string()
                           : arm.path;
      options.pace = request->pace;
      options.links = stand_in::OutsideLinks::as_files;  // a hub snapshot's blobs, too
      move_to_mount(&arm, std::make_unique<stand_in::StandIn>(stand_in::mount(options)));
    } else if (can_pace) {
      const stand_in::Pace& pace = request->pace;
      if (pace.requests_per_s || pace.stream_bytes_per_s) {
        throw os::Error(fmt::format(
            "cannot give {} the pace {}: {}; without a mount only a rate and a latency can be had",
            arm.facts.label, request->spec, available.reason));
      }
      arm.pace = StandInRequest{stand_in::spec_of(pace), pace};
      arm.facts.stand_in->method = "reader";
    } else {
      throw os::Error(
          fmt::format("cannot mount the stand-in for {}: {}", arm.facts.label, available.reason));
    }
  }
}

namespace {

// The arm that `flag` names, which must have a checkpoint.
Arm& measured_arm(const char* flag, const std::string& label, std::vector<Arm>& arms) {
  const auto found = std::find_if(arms.begin(), arms.end(),
                                  [&](const Arm& arm) { return arm.facts.label == label; });
  if (found == arms.end() || found->facts.placeholder) {
    throw os::Error(fmt::format("{}: there is nothing at '{}' so far", flag, label));
  }
  return *found;
}

// The arm that is to be copied.
Arm& staging_source(const StagedArmRequest& stage, std::vector<Arm>& arms) {
  Arm& source = measured_arm("--stage", stage.source_label, arms);
  if (source.checkpoint->format == model::Format::gguf) {
    throw os::Error("--stage: a .gguf file cannot be staged by itself: name its directory");
  }
  return source;
}

}  // namespace

void check_added_arms(const Plan& plan, std::vector<Arm>& arms) {
  for (const std::string& label : plan.prefetch) (void)measured_arm("--prefetch", label, arms);
  if (!plan.stage) return;
  (void)staging_source(*plan.stage, arms);
  StagedCopy::check(plan.stage->destination);
}

void add_staged_arm(const Plan& plan, std::vector<Arm>* arms,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  if (!plan.stage) return;
  const Arm& source = staging_source(*plan.stage, *arms);
  StagedCopy::Request request;
  request.source = source.path;
  request.source_files = source.files();
  request.backing_files = source.backing_files;
  request.destination = plan.stage->destination;
  request.keep = plan.stage->keep;
  if (source.pace) request.limit_bytes_per_s = source.pace->pace.rate_bytes_per_s;
  auto copy = std::make_unique<StagedCopy>(std::move(request));
  if (!copy->renew(progress)) return;
  Arm arm = look_at({std::string(k_staged_label), plan.stage->destination, "", {}});
  arm.facts.staged_from = plan.stage->source_label;
  arm.copy = std::move(copy);
  arms->push_back(std::move(arm));
}

void add_prefetch_arms(const Plan& plan, std::vector<Arm>* arms) {
  for (const std::string& label : plan.prefetch) {
    const Arm& source = measured_arm("--prefetch", label, *arms);
    Arm arm;
    arm.facts = source.facts;
    arm.facts.label += k_prefetch_suffix;
    arm.facts.prefetch_of = label;
    arm.path = source.path;
    arm.checkpoint = source.checkpoint;
    arm.backing_files = source.backing_files;
    look_behind(&arm);
    arm.cannot_warm = "there is nothing to read ahead";
    arms->push_back(std::move(arm));
  }
}

std::vector<os::Fd> lock_checkpoints(const std::vector<Arm>& arms) {
  std::vector<os::Fd> locks;
  std::set<os::FileId> locked;  // two arms may reach one directory by two paths
  for (const Arm& arm : arms) {
    if (!arm.checkpoint) continue;
    os::Fd directory = os::open_file(arm.storage.path, O_RDONLY | O_NONBLOCK);
    if (!locked.insert(os::file_id(directory)).second) continue;
    if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) {
      locks.push_back(std::move(directory));
    } else if (errno == EWOULDBLOCK) {
      throw os::Error(fmt::format(
          "another coldload measures {}: two experiments would evict each other's pages; wait for "
          "it, or use --cold off",
          arm.path));
    }
    // File systems without locks: nothing to hold.
  }
  return locks;
}

}  // namespace coldload::measure
