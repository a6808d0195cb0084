// How often a report says that one of several equal commands is the faster one: experiments with a
// known truth, simulated.
//
//   simulate_ways EXPERIMENTS   one JSON line per distribution, number of commands and of runs
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "findings/ways_to_start.h"
#include "load_times.h"
#include "statistics/statistics.h"

namespace {

using coldload::bench::Distribution;
using coldload::bench::Random;
using coldload::findings::Claim;
using coldload::findings::Comparison;
using coldload::findings::WaysOfPath;

// Every command as fast as the others, from either path.
Comparison drawn(const Distribution& from, std::size_t commands, std::size_t runs, Random& random) {
  Comparison comparison;
  for (const char* const path : {"nvme", "net"}) {
    for (std::size_t command = 0; command < commands; ++command) {
      coldload::findings::Arm arm;
      arm.facts.start.emplace();
      arm.facts.start->name = std::to_string(command);
      arm.facts.start->path_label = path;
      arm.cold.values_s = coldload::bench::draw(from, runs, 1, random);
      arm.cold.load_s = coldload::statistics::summarize(arm.cold.values_s);
      comparison.arms.push_back(std::move(arm));
    }
  }
  return comparison;
}

void simulate(const Distribution& from, std::size_t commands, std::size_t runs, int experiments,
              Random& random) {
  int shown = 0;
  int excluded = 0;
  int differs = 0;
  for (int i = 0; i < experiments; ++i) {
    const Comparison comparison = drawn(from, commands, runs, random);
    const std::vector<WaysOfPath> ways = coldload::findings::ways_to_start(comparison);
    const coldload::findings::Contrast& main = coldload::findings::main_contrast(ways.front());
    shown += static_cast<int>(main.claim == Claim::shown);
    excluded +=
        static_cast<int>(main.ratio_ci && (main.ratio_ci->low > 1 || main.ratio_ci->high < 1));
    differs += static_cast<int>(coldload::findings::best_differs(comparison, ways));
  }
  std::printf(
      "{\"distribution\":\"%s\",\"commands\":%zu,\"runs\":%zu,\"experiments\":%d,"
      "\"called_faster\":%d,\"interval_excludes_1\":%d,\"best_called_different\":%d}\n",
      from.name, commands, runs, experiments, shown, excluded, differs);
}

}  // namespace

int main(int argc, char** argv) {
  const int experiments = argc > 1 ? std::atoi(argv[1]) : 200;
  Random random(20261130);
  for (const Distribution& from : coldload::bench::distributions()) {
    for (const std::size_t commands : {2U, 3U, 4U, 6U}) {
      for (const std::size_t runs : {3U, 5U, 10U, 20U}) {
        simulate(from, commands, runs, experiments, random);
      }
    }
  }
  return 0;
}
