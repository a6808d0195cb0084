#include "herd/program.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/command.h"
#include "cli/dispatch.h"
#include "cli/experiment_flags.h"
#include "herd/command.h"
#include "herd/ranks.h"
#include "os/interrupt.h"

namespace coldload::herd {

namespace {

using Words = std::vector<std::string>;

bool asks_for_help(const Words& args) {
  const auto end = std::find(args.begin(), args.end(), "--");
  return std::any_of(args.begin(), end,
                     [](const auto& word) { return word == "--help" || word == "-h"; });
}

int run(Ranks* ranks, const Words& args, bool* in_step) {
  try {
    return run_command(ranks, args, in_step);
  } catch (const OutOfStep&) {
    if (!os::interrupted() || ranks->is_first()) throw;
    // The first rank has a report to write before all are ended.
    constexpr std::chrono::seconds k_for_the_report{10};
    std::this_thread::sleep_for(k_for_the_report);
    return cli::k_exit_interrupted;
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  if (argc > 1 && argv[1][0] != '-') return cli::run_command_line(argc, argv);
  std::optional<Ranks> ranks;
  bool in_step = true;
  const int code = cli::run_program(
      {argv + 1, argv + argc},
      [&](const Words& args) {
        if (asks_for_help(args)) {
          static_cast<void>(cli::parse_experiment(cli::ExperimentCommand::herd, args));
          return cli::k_exit_ok;
        }
        ranks.emplace();
        return run(&*ranks, args, &in_step);
      },
      [](const auto& /*args*/) { return "`coldload-mpi --help` lists its flags."; });
  if (!in_step) Ranks::end_all(code);
  return code;
}

}  // namespace coldload::herd
