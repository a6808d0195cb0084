// The verdict on one trial that should be cold: what the evidence allows to be said.
//
// verified needs both: nothing of the checkpoint resident immediately before launch, measured,
// and the load read the checkpoint from storage, measured; and coldload must have been there to see
// it. docs/cold.md says it for users.
//
// Layer: measure. Pure functions over measured values.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "measure/plan.h"
#include "measure/read_set.h"
#include "measure/schedule.h"
#include "os/standstill.h"
#include "records/record.h"

namespace coldload::measure {

// A file that stayed in memory after the eviction.
struct Leftover {
  std::string path;
  std::uint64_t resident_bytes = 0;
  std::uint64_t resident_pages = 0;
  std::vector<std::string> holders;  // "process 4711 (python3) maps it", as far as visible
};

// What was seen while it loaded.
struct Observed {
  // The largest sum of the target's read_bytes that was seen: a process that nobody reaps takes its
  // figure with it, so a later sum can be smaller. Nothing where we may not look.
  std::optional<std::uint64_t> target_bytes;
  std::set<std::string> opened_directly;     // candidates that the target had open with O_DIRECT
  bool lost_children = false;                // a process that ignores SIGCHLD was seen
  std::vector<std::string> foreign_readers;  // other processes that had weight files open
  std::string gap;  // why nobody looked from some moment on, but for the last look; empty: they did
  double cpu_s = 0;  // what the looking cost while the load ran
};

struct ColdEvidence {
  os::Standstill standstill;  // of coldload itself, from launch until its last look

  // The path.
  bool memory_backed = false;  // tmpfs and kin: cold has no meaning
  std::string fs_type;
  // What cache on this machine, out of sight, the bytes may have come from; empty where there is
  // none or the counter looks beyond it.
  std::string hidden_cache;
  std::string memory_share;  // the weights that lie in memory, where others do not; else empty

  std::string why_unseen;  // why residency cannot be seen; empty: it can

  // Before launch.
  std::optional<std::uint64_t> resident_bytes_before;  // every checkpoint file; nothing: not told
  std::vector<Leftover> leftovers;

  // During the load.
  WeightsRead weights_read = WeightsRead::not_known;
  std::size_t candidates = 0;      // files that could hold weights
  std::uint64_t needed_bytes = 0;  // what the target must have read of what can be cold
  // What storage delivers of these: fewer where files have holes or are compressed. Nothing: all.
  std::optional<std::uint64_t> stored_bytes;
  std::string not_comparable;                  // why that is not known; empty: it is
  std::optional<std::uint64_t> counter_bytes;  // from the path's own counter
  std::string counter_source;                  // its name; empty where there is none
  bool counter_this_mount_only = false;        // reads elsewhere are not in it
  std::string no_counter_reason;
  Observed observed;
  bool processes_are_charged = false;  // whether such reads show in target_bytes at all
  // Read with O_DIRECT by the target's own account: these came past the page cache.
  std::optional<std::uint64_t> direct_bytes;

  // After ready.
  std::optional<std::uint64_t> weights_resident_after;
  // What was resident at some look while it loaded, estimated from 256 pages: a kernel that
  // reclaims idle pages takes them away before ready.
  std::optional<std::uint64_t> weights_resident_once;
  bool cache_can_hold = true;  // free memory exceeded the checkpoint: partial residency means
                               // that part was not read
};

struct ColdVerdict {
  records::Cold cold = records::Cold::unknown;
  std::string reason = {};  // empty for verified
  std::optional<std::uint64_t> storage_bytes_read = {};
  std::string storage_bytes_source = {};
};

// The share of the needed bytes that a counter must show: shards hold headers and padding that
// some servers skip.
inline constexpr double k_needed_share = 0.95;

// Whether so much of `needed_bytes` is resident that a load may be called warm.
[[nodiscard]] bool is_warm(std::uint64_t resident_bytes, std::uint64_t needed_bytes);

// Whether the page cache shows that all that was needed was read, at ready or at several looks.
[[nodiscard]] bool came_into_memory(const ColdEvidence& evidence);

[[nodiscard]] ColdVerdict judge_cold(const ColdEvidence& evidence);

// Why the trial's times are not known, cold or warm; empty where they are.
[[nodiscard]] std::string doubt_about_times(const os::Standstill& standstill);

// All that a trial's word for its cold depends on, however the trial ended.
struct TrialEnd {
  TrialKind kind = TrialKind::cold;
  ColdPolicy policy = ColdPolicy::verify;
  bool memory_backed = false;
  bool loaded = false;  // what a failed load read proves nothing, either way
  bool times_known = true;
  records::Cold judged = records::Cold::unknown;
};

[[nodiscard]] records::Cold cold_word(const TrialEnd& end);

}  // namespace coldload::measure
