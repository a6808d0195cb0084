// One arm: its checkpoint, what is behind its path, its byte counter, and what it stands on.
//
// Layer: measure. Looking at an arm changes nothing; measure/arms.h makes it ready.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "measure/plan.h"
#include "measure/read_set.h"
#include "measure/schedule.h"
#include "measure/staged_copy.h"
#include "model/checkpoint.h"
#include "records/record.h"
#include "stand_in/stand_in.h"
#include "start_set/start_set.h"
#include "storage/byte_counter.h"
#include "storage/file_sources.h"
#include "storage/path_info.h"

namespace coldload::measure {

class Target;

struct Arm {
  ArmRequest request;
  records::ArmFacts facts;
  std::string path;  // what the target gets as {model}; the stand-in's mount where there is one
  std::string model_name;
  std::optional<model::Checkpoint> checkpoint;  // nothing for a placeholder
  // Of the stand-in: the source's files, which are kept warm as a file server would.
  std::vector<std::string> backing_files;
  storage::PathInfo storage;
  storage::CounterChoice counter;
  storage::FileSources sources;        // of files(), one by one
  std::optional<StandInRequest> pace;  // a stand-in without a mount
  std::string pages_unseen;            // why nobody can tell what of it is in memory, if so
  std::string cannot_warm;             // why warm trials are impossible here; empty: they are not
  std::unique_ptr<stand_in::StandIn> stand_in;
  std::unique_ptr<StagedCopy> copy;     // of a staged arm
  Target* target = nullptr;             // what loads it; outlives the arm
  const StartRequest* start = nullptr;  // how, as the plan has it

  // All that a load could take weights from, the shards first.
  std::vector<Candidate> candidates;

  // What its start reads, learned in its discarded launch where deeper layers are measured; and
  // what of it that is no part of the checkpoint came in the first trial of each such layer.
  std::optional<start_set::StartSet> start_set;
  std::map<TrialKind, std::uint64_t> rest_came_bytes;

  // Of their tensors, by name (model/tensors_hash.h): as they lie at the path that was given.
  std::map<std::string, std::uint64_t> tensors_hashes;

  // All that is brought out of memory, in eviction order: the candidates, then the small files.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::vector<std::string> candidate_paths() const;
  // The candidates that are weights, as far as is known by now.
  [[nodiscard]] std::vector<std::size_t> weights() const;
  [[nodiscard]] std::uint64_t weight_bytes() const;
  // Of the tensors in those candidates, for a record; empty where one has no hash.
  [[nodiscard]] std::string tensors_hash(const std::vector<std::size_t>& of) const;
  // Those of a load that was seen are the weights from now on.
  void take(const ReadSet& seen);
  // tmpfs and kin: cold has no meaning.
  [[nodiscard]] bool is_memory() const {
    return storage.cache == storage::CacheKind::memory_backed;
  }
};

// Opens the checkpoint and looks at what is behind it. Throws os::Error for what cannot be right.
[[nodiscard]] Arm look_at(const ArmRequest& request);

// Once more: `arm->path` or what is behind it is another than before.
void look_behind(Arm* arm);

}  // namespace coldload::measure
