// Which files a load took its weights from: what was seen while it ran, not what names say.
//
// Layer: measure. Pure functions over measured values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/access_watch.h"

namespace coldload::measure {

// A file that a load could take weights from.
struct Candidate {
  std::string name;  // as people know it: relative, or a path of its own
  std::string path;
  std::uint64_t bytes = 0;
  std::uint64_t needed_bytes = 0;  // of which a load that follows the index reads
  bool is_weight = false;          // guessed from its name, until a load was seen
};

// What was seen of one of them.
struct CandidateUse {
  std::uint64_t bytes = 0;
  // In the page cache after ready or at a look before; nothing where the kernel does not tell.
  std::optional<std::uint64_t> came_bytes;
  storage::Access access;        // by anybody
  bool opened_directly = false;  // with O_DIRECT, by the target
};

// What the weights were, in all.
enum class WeightsRead {
  not_known,   // it could not be seen: the guess stands
  seen,        // the files are known
  hardly,      // some were opened, but their pages did not come, nor were they read past the cache
  not_at_all,  // none was even opened
};

struct ReadSet {
  WeightsRead read = WeightsRead::not_known;
  std::vector<std::size_t> files;  // where seen
};

// `complete`: whether no opening can have been missed. `reads_directly`: the target says that it
// reads with O_DIRECT what it reads.
[[nodiscard]] ReadSet read_set_of(const std::vector<CandidateUse>& uses, bool complete,
                                  bool reads_directly);

// "not read: original/model.safetensors 48.0 MB, and 3 more files 1.20 GB"; empty where all that
// were guessed were read.
[[nodiscard]] std::string not_read(const std::vector<Candidate>& candidates, const ReadSet& set);

}  // namespace coldload::measure
