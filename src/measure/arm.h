// One arm, ready to be measured: its checkpoint, what is behind its path, its byte counter, and
// the stand-in that it may stand on.
//
// Layer: measure.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "measure/plan.h"
#include "measure/staged_copy.h"
#include "model/checkpoint.h"
#include "os/fd.h"
#include "records/record.h"
#include "stand_in/stand_in.h"
#include "storage/byte_counter.h"
#include "storage/path_info.h"

namespace coldload::measure {

struct Arm {
  records::ArmFacts facts;
  std::string path;  // what the target gets as {model}; the stand-in's mount where there is one
  std::optional<model::Checkpoint> checkpoint;  // nothing for a placeholder
  // Of the stand-in: the source's files, which are kept warm as a file server would.
  std::vector<std::string> backing_files;
  storage::PathInfo storage;
  storage::CounterChoice counter;
  std::optional<StandInRequest> pace;  // a stand-in without a mount
  std::string cannot_warm;             // why warm trials are impossible here; empty: they are not
  std::unique_ptr<stand_in::StandIn> stand_in;
  std::unique_ptr<StagedCopy> copy;  // of a staged arm

  // Every checkpoint file in eviction order, shards first.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::size_t shard_count() const;
};

// Looks at every arm without changing anything: checkpoints open, labels and paths in order, and
// which arms are the same storage. Throws os::Error on the first thing that cannot be right.
[[nodiscard]] std::vector<Arm> look_at_arms(const Plan& plan);

// Sentences: which arms are the same storage, and why.
[[nodiscard]] std::vector<records::SameStorage> same_storage(const std::vector<Arm>& arms);

// Mounts the stand-ins and measures what they deliver. Where a mount is not possible and
// `can_pace`, the arm is paced instead; otherwise os::Error says what to do.
void mount_stand_ins(std::vector<Arm>* arms, const Plan& plan, bool can_pace);

// Whether plan.stage and plan.prefetch can be: throws os::Error where there is nothing to copy or
// to read, or where the copy would be made over something.
void check_added_arms(const Plan& plan, std::vector<Arm>& arms);

// Adds the arm that plan.stage asks for, with a first copy; nothing where there is none, or where
// it was interrupted. `progress`: see StagedCopy. Throws os::Error.
void add_staged_arm(const Plan& plan, std::vector<Arm>* arms,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress);

// Adds the arms that plan.prefetch asks for: the same paths, mounts and counters again. Call when
// stand-ins are mounted.
void add_prefetch_arms(const Plan& plan, std::vector<Arm>* arms);

// Holds the checkpoints' directories for this process, so that no second experiment evicts what
// this one measures. Throws os::Error where another one holds one of them.
[[nodiscard]] std::vector<os::Fd> lock_checkpoints(const std::vector<Arm>& arms);

}  // namespace coldload::measure
