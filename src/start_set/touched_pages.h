// Which pages of its libraries a start has touched: those in the page tables of its processes.
//
// What is in the page cache of a library is more than that: the kernel reads around each page that
// is touched, by as much as the device's readahead (read_ahead_kb, 8 MB on some machines). Read
// ahead on another machine, that would be in the way of what is wanted.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "start_set/start_set.h"

namespace coldload::start_set {

// A line of /proc/PID/maps: which part of a file lies where.
struct MappedPart {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // in the file
  bool is_code = false;      // it may be executed
  std::string path;
};

// Nothing for a line that maps no file.
[[nodiscard]] std::optional<MappedPart> parse_mapped_part(std::string_view line);

// Of the set's files that one of these processes maps as code: leaves in `in_memory` what they have
// touched, and what the kernel maps beside it. Of a file of which none is seen to be touched: all.
void keep_what_is_touched(const std::vector<pid_t>& processes, StartSet* set);

}  // namespace coldload::start_set
