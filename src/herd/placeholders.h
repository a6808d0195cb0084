// What {rank}, {local_rank} and {host} stand for on a rank, and where they are replaced.
//
// Layer: herd. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "cli/experiment_flags.h"

namespace coldload::herd {

struct Placeholders {
  int rank = 0;
  int local_rank = 0;  // among those on its machine, from 0
  std::string host;
};

// How many of the ranks before it are on the same machine. `machines`: of all ranks.
[[nodiscard]] int local_rank_of(int rank, const std::vector<std::string>& machines);

// In each of them, but for a brace that another one or a $ stands before: that is a template's or a
// shell's.
void fill(const Placeholders& values, std::vector<std::string>* texts);

// In the path, where its copy is made, what the server is told and its variables. Not in the
// command line on record, which is the same for all.
void fill(const Placeholders& values, cli::ExperimentRequest* request);

}  // namespace coldload::herd
