#include "measure/arm.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "model/file_names.h"
#include "model/file_tree.h"
#include "model/headers.h"
#include "model/tensors_hash.h"
#include "os/child_answer.h"
#include "os/error.h"
#include "os/memory.h"
#include "os/path.h"
#include "storage/file_systems.h"
#include "storage/page_cache.h"
#include "text/units.h"

namespace coldload::measure {

namespace {

// What the user says that the target loads beside the checkpoint.
std::vector<Candidate> candidates_below(const std::string& path) {
  std::vector<Candidate> found;
  const auto add = [&](const std::string& file) {
    const std::uint64_t bytes = os::regular_file_size(file);
    found.push_back({file, os::real_path(file), bytes, bytes, true});
  };
  if (!std::filesystem::is_directory(path)) {
    add(path);
    return found;
  }
  for (const std::string& name : model::list_tree(path).names) {
    if (model::is_weight_name(name)) add(path + '/' + name);
  }
  return found;
}

std::vector<Candidate> candidates_of(const Arm& arm) {
  std::vector<Candidate> candidates;
  for (const model::CheckpointFile& file : arm.checkpoint->files) {
    const bool is_shard = file.kind == model::FileKind::shard;
    if (!is_shard && file.kind != model::FileKind::weights) break;  // the small files
    candidates.push_back({file.name, file.real_path, file.bytes, file.needed_bytes, is_shard});
  }
  for (const std::string& path : arm.request.also) {
    for (Candidate& more : candidates_below(path)) {
      const auto is_same = [&](const Candidate& known) { return known.path == more.path; };
      if (std::none_of(candidates.begin(), candidates.end(), is_same)) {
        candidates.push_back(std::move(more));
      }
    }
  }
  return candidates;
}

std::map<std::string, std::uint64_t> hashes_of(const Arm& arm) {
  auto hashes = model::tensors_hashes(*arm.checkpoint);
  for (std::size_t i = arm.checkpoint->candidate_count(); i < arm.candidates.size(); ++i) {
    const std::string& beside = arm.candidates[i].name;
    if (const auto hash = model::tensors_hash(beside)) hashes.emplace(beside, *hash);
  }
  return hashes;
}

// Why the checkpoint cannot be brought into memory and stay there until a target opens it.
std::string why_not_warm(const Arm& arm) {
  if (arm.is_memory()) {
    return fmt::format("{} is memory: every load of it is warm", arm.storage.mount.fs_type);
  }
  const auto room = os::available_memory_bytes();
  if (room && *room < arm.weight_bytes()) {
    return fmt::format("the checkpoint has {}, the page cache can grow to {}",
                       text::format_bytes(arm.weight_bytes()), text::format_bytes(*room));
  }
  if (!arm.pages_unseen.empty()) return "residency cannot be seen: " + arm.pages_unseen;
  if (storage::opening_may_drop_pages(arm.storage.mount) && !arm.checkpoint->files.empty()) {
    const auto drops = storage::reopening_drops_pages(arm.checkpoint->files.back().real_path);
    if (drops.value_or(false)) {
      return "this FUSE mount drops a file's pages whenever it is opened again";
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> Arm::candidate_paths() const {
  std::vector<std::string> paths;
  for (const Candidate& candidate : candidates) paths.push_back(candidate.path);
  return paths;
}

std::vector<std::string> Arm::files() const {
  std::vector<std::string> paths = candidate_paths();
  for (std::size_t i = checkpoint->candidate_count(); i < checkpoint->files.size(); ++i) {
    paths.push_back(checkpoint->files[i].real_path);
  }
  return paths;
}

std::vector<std::size_t> Arm::weights() const {
  std::vector<std::size_t> weights;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].is_weight) weights.push_back(i);
  }
  return weights;
}

std::uint64_t Arm::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const Candidate& candidate : candidates)
    bytes += candidate.is_weight ? candidate.needed_bytes : 0;
  return bytes;
}

std::string Arm::tensors_hash(const std::vector<std::size_t>& of) const {
  std::uint64_t sum = 0;
  for (const std::size_t i : of) {
    const auto found = tensors_hashes.find(candidates[i].name);
    if (found == tensors_hashes.end()) return "";
    sum += found->second;
  }
  return of.empty() ? "" : fmt::format("{:016x}", sum);
}

void Arm::take(const ReadSet& seen) {
  if (seen.read != WeightsRead::seen || seen.files == weights()) return;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].is_weight = std::binary_search(seen.files.begin(), seen.files.end(), i);
  }
  sources = storage::find_sources(files(), weights());
  counter = sources.counter;
}

void look_behind(Arm* arm) {
  model::count_indexed_parts(&*arm->checkpoint);
  arm->candidates = candidates_of(*arm);
  // What counts is where the weights really lie: a hub snapshot is a directory of links.
  arm->sources = storage::find_sources(arm->files(), arm->weights());
  arm->storage = arm->sources.main();
  arm->counter = arm->sources.counter;
  arm->storage.path = storage::inspect_path(arm->path).path;
  arm->facts.storage = storage::to_json(arm->storage);
  if (arm->sources.parts.size() > 1) {
    arm->facts.storage["file_systems"] = storage::to_json(arm->sources.parts);
  }
  if (!arm->is_memory() && !arm->checkpoint->files.empty()) {
    arm->pages_unseen =
        storage::PageCacheView({arm->checkpoint->files.back().real_path}).why_unseen();
  }
  arm->cannot_warm = why_not_warm(*arm);
}

namespace {

Arm look_now(const ArmRequest& request) {
  Arm arm;
  arm.request = request;
  arm.facts.label = request.label;
  arm.facts.placeholder = !request.missing.empty();
  arm.facts.missing = request.missing;
  if (arm.facts.placeholder) {
    arm.facts.path = request.path;
    return arm;
  }
  arm.checkpoint = model::open_checkpoint(request.path, request.weights);
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
  arm.tensors_hashes = hashes_of(arm);
  return arm;
}

}  // namespace

Arm look_at(const ArmRequest& request) {
  // First by a child: who waits in a mount that hangs cannot be ended.
  const auto looked = os::answer_of_telling_child([&](const os::Tell& tell) {
    tell("look at " + request.path, 0);
    (void)look_now(request);
    return std::string();
  });
  if (!looked) throw os::Error("interrupted while looking at " + request.path);
  return look_now(request);
}

}  // namespace coldload::measure
