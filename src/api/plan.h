// What is to be loaded: which tensors or parts of them, and in what runs of bytes.
//
// Layer: api. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "api/opened.h"
#include "load/loader.h"
#include "os/error.h"

namespace coldload::api {

// What cannot be asked for.
class PlanError : public os::Error {
  using os::Error::Error;
};

// `count` of a tensor from `first` on, along its first dimension.
struct Part {
  std::size_t tensor = 0;
  std::uint64_t first = 0;
  std::optional<std::uint64_t> count;  // nothing: all that follow
};

// A part with what it comes to.
struct Wanted {
  std::size_t tensor = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;  // 1 for a scalar
  std::uint64_t begin = 0;  // in the file
  std::uint64_t end = 0;

  [[nodiscard]] std::uint64_t bytes() const { return end - begin; }
};

// A run of a file's bytes that is read in one go, and the tensors that lie in it.
struct Run {
  load::Shard shard;
  std::vector<Wanted> wanted;  // by place, none of them empty
};

struct Plan {
  std::vector<Run> runs;
  std::vector<Wanted> empty;  // tensors without a byte
};

// All tensors, where `parts` is nothing. Throws PlanError that names the tensor for one that is not
// there, a part beyond its end, a scalar's part, and bytes that are wanted twice.
[[nodiscard]] std::vector<Wanted> wanted(const Opened& opened,
                                         const std::optional<std::vector<Part>>& parts);

struct Cut {
  std::uint64_t most_bytes = 0;  // of a run, unless one tensor is larger; 0: no limit
  unsigned rank = 0;             // of `ranks` that load the same, each of which begins elsewhere
  unsigned ranks = 1;
};
// In the order in which they are to be read.
[[nodiscard]] Plan plan(const Opened& opened, std::vector<Wanted> wanted, const Cut& cut);

}  // namespace coldload::api
