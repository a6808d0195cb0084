#include "measure/arm.h"

#include <fmt/format.h>

#include "os/error.h"
#include "os/memory.h"
#include "storage/file_systems.h"
#include "storage/page_cache.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

// Why the checkpoint cannot be brought into memory and stay there until a target opens it.
std::string why_not_warm(const Arm& arm) {
  if (arm.is_memory()) {
    return fmt::format("{} is memory: every load of it is warm", arm.storage.mount.fs_type);
  }
  const auto room = os::available_memory_bytes();
  if (room && *room < arm.checkpoint->weight_bytes()) {
    return fmt::format("the checkpoint has {}, the page cache can grow to {}",
                       text::format_bytes(arm.checkpoint->weight_bytes()),
                       text::format_bytes(*room));
  }
  if (!arm.checkpoint->files.empty()) {
    const storage::PageCacheView view({arm.checkpoint->files.back().real_path});
    if (!view.observable()) return "residency cannot be seen: " + view.why_unseen();
  }
  if (storage::opening_may_drop_pages(arm.storage.mount) && !arm.checkpoint->files.empty()) {
    const auto drops = storage::reopening_drops_pages(arm.checkpoint->files.back().real_path);
    if (drops.value_or(false)) {
      return "this FUSE mount drops a file's pages whenever it is opened again";
    }
  }
  return "";
}

}  // namespace

void look_behind(Arm* arm) {
  // What counts is where the weights really lie: a hub snapshot is a directory of links.
  arm->sources = storage::find_sources(arm->files(), arm->shard_count());
  arm->storage = arm->sources.main();
  arm->counter = arm->sources.counter;
  arm->storage.path = storage::inspect_path(arm->path).path;
  arm->facts.storage = storage::to_json(arm->storage);
  if (arm->sources.parts.size() > 1) {
    arm->facts.storage["file_systems"] = storage::to_json(arm->sources.parts);
  }
  arm->cannot_warm = why_not_warm(*arm);
}

Arm look_at(const ArmRequest& request) {
  Arm arm;
  arm.request = request;
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
    records::StandInFacts& facts = arm.facts.stand_in.emplace();
    facts.spec = request.stand_in->spec;
    facts.rate_bytes_per_s = request.stand_in->pace.rate_bytes_per_s;
    facts.latency_s = stand_in::latency_s_of(request.stand_in->pace);
  }
  look_behind(&arm);
  return arm;
}

}  // namespace coldload::measure
