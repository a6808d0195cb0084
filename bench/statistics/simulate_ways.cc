// How often a report tells equal commands apart: experiments with a known truth, simulated.
//
//   simulate_ways EXPERIMENTS   one JSON line per distribution, number of commands and of runs
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "findings/ways_to_start.h"
#include "load_times.h"
#include "statistics/statistics.h"

namespace coldload::bench {
namespace {

using findings::Claim;
using findings::Comparison;
using findings::Contrast;
using findings::WaysOfPath;

// Every command as fast as the others, from either path.
Comparison drawn(const Distribution& from, std::size_t commands, std::size_t runs, Random& random) {
  Comparison comparison;
  for (const char* const path : {"nvme", "net"}) {
    for (std::size_t command = 0; command < commands; ++command) {
      findings::Arm arm;
      arm.facts.start.emplace();
      arm.facts.start->name = std::to_string(command);
      arm.facts.start->path_label = path;
      arm.cold.values_s = draw(from, runs, 1, random);
      arm.cold.load_s = statistics::summarize(arm.cold.values_s);
      comparison.arms.push_back(std::move(arm));
    }
  }
  return comparison;
}

bool is_shown(const Contrast& contrast) { return contrast.claim == Claim::shown; }

void simulate(const Distribution& from, std::size_t commands, std::size_t runs, int experiments,
              Random& random) {
  int faster = 0;
  int any = 0;
  int differs = 0;
  for (int i = 0; i < experiments; ++i) {
    const Comparison comparison = drawn(from, commands, runs, random);
    const std::vector<WaysOfPath> ways = findings::ways_to_start(comparison);
    const std::vector<Contrast>& contrasts = ways.front().contrasts;
    faster += static_cast<int>(is_shown(findings::main_contrast(ways.front())));
    any += static_cast<int>(std::any_of(contrasts.begin(), contrasts.end(), is_shown));
    differs += static_cast<int>(findings::best_differs(comparison, ways));
  }
  std::printf(
      "{\"distribution\":\"%s\",\"commands\":%zu,\"runs\":%zu,\"experiments\":%d,"
      "\"fastest_called_faster\":%d,\"any_called_different\":%d,\"best_called_different\":%d}\n",
      from.name, commands, runs, experiments, faster, any, differs);
}

}  // namespace
}  // namespace coldload::bench

int main(int argc, char** argv) {
  const int experiments = argc > 1 ? std::atoi(argv[1]) : 200;
  coldload::bench::Random random(20261130);
  for (const coldload::bench::Distribution& from : coldload::bench::distributions()) {
    for (const std::size_t commands : {2U, 3U, 4U, 6U}) {
      for (const std::size_t runs : {3U, 5U, 10U, 20U}) {
        coldload::bench::simulate(from, commands, runs, experiments, random);
      }
    }
  }
  return 0;
}
