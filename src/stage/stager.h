// Stages a directory: copies it so that the destination is absent, or complete and right.
//
// Layer: stage. Knows nothing of model formats or servers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "os/directory.h"
#include "stage/destination.h"
#include "stage/keep.h"
#include "stage/left_out.h"
#include "stage/source_tree.h"
#include "stage/tree_copier.h"
#include "stage/verify.h"

namespace coldload::stage {

struct StageRequest {
  std::string source;
  std::string destination;  // the new directory itself
  ScanOptions what;         // of the source
  unsigned jobs = 16;
  std::optional<double> limit_bytes_per_s;
  bool wait = false;                // for another one that stages there
  bool replace = false;             // what is there and is not this source
  bool verify_hub = false;          // also hold the copy against the SHA-256 in the blobs' names
  bool temporary = false;           // say in its manifest that it is for an experiment
  bool evict_after = false;         // leave no page of the copy in memory
  std::optional<std::size_t> keep;  // how many staged directories may lie there, this one included
};

struct StageResult : CopyOutcome, Removal {
  bool up_to_date = false;  // nothing was to be done
  std::uint64_t bytes = 0;  // of the copy
  std::size_t files = 0;
  LeftOut left_out;                             // of the source
  double copy_s = 0;                            // from the first read until all is durable
  std::size_t hub_checked = 0;                  // files held against their SHA-256
  std::optional<std::uint64_t> resident_bytes;  // of the copy, in memory in the end
  bool interrupted = false;                     // DST is as it was; the next call goes on
  std::shared_ptr<const os::Directory> copy;    // open, where this call made it
};

// What happens meanwhile, in the caller's thread.
struct StageEvents {
  std::function<void(const std::string& step)> step;  // "checking what is there", "flushing"
  std::function<void(const CopyProgress&)> progress;
};

// Copies `source` to `destination`, hashing every byte; writes the manifest; renames once all is
// durable. Throws os::Error that says what to do: no room, a foreign or outdated destination, a
// source that changes meanwhile, somebody else at work there. Throws os::StallError where a
// thread hangs in the kernel and cannot be ended: the process should then _exit.
[[nodiscard]] StageResult stage(const StageRequest& request, const StageEvents& events);

// Whether `destination` is a complete copy of what is asked for of `source`, and of what else it
// holds, as that is now. Changes nothing. Throws os::Error where the source cannot be looked at, or
// where the destination's parent is not there, and Interrupted.
[[nodiscard]] Destination look_at_copy(const std::string& source, const ScanOptions& what,
                                       const std::string& destination);

// Reads a staged directory again and holds it against its manifest; `of_source`: the source that
// the manifest names instead. Throws os::Error where there is no manifest that can be trusted.
[[nodiscard]] VerifyOutcome verify_staged(const std::string& destination, bool of_source,
                                          unsigned jobs,
                                          const std::function<void(std::uint64_t)>& progress);

}  // namespace coldload::stage
