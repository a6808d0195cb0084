// Which pages of its libraries a start has touched: those in the page tables of its processes.
//
// What is in the page cache of a library is more than that: the kernel reads around each page that
// is touched, by as much as the device's readahead (read_ahead_kb, 8 MB on some machines). Read
// ahead on another machine, that would be in the way of what is wanted.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <vector>

#include <sys/types.h>

#include "start_set/start_set.h"

namespace coldload::start_set {

// Of the set's files that one of these processes maps as code: leaves in `in_memory` what they have
// touched, and what the kernel maps beside it. Of a file of which none is seen to be touched: all.
void keep_what_is_touched(const std::vector<pid_t>& processes, StartSet* set);

}  // namespace coldload::start_set
