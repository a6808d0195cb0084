#include <utility>

#include "cli/command.h"
#include "cli/experiment.h"

namespace coldload::cli {

int run_measure(const std::vector<std::string>& args) {
  auto request = parse_experiment(ExperimentCommand::measure, args);
  return request ? run_request(std::move(*request)) : k_exit_ok;
}

}  // namespace coldload::cli
