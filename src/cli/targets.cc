#include "cli/targets.h"

#include <string>
#include <utility>

#include "measure/native_target.h"
#include "measure/server_target.h"

namespace coldload::cli {

measure::Targets make_targets(const ExperimentRequest& request) {
  measure::Targets targets;
  for (measure::ServerOptions options : request.servers) {
    options.secrets = request.plan.secrets;
    targets.push_back(measure::make_server_target(std::move(options)));
  }
  if (!targets.empty()) return targets;
  measure::NativeOptions options;
  options.command = {"coldload", "native-load"};
  if (request.native_threads > 0) {
    options.command.insert(options.command.end(),
                           {"--native-threads", std::to_string(request.native_threads)});
  }
  if (request.native_ring_bytes > 0) {
    options.command.insert(options.command.end(),
                           {"--native-ring", std::to_string(request.native_ring_bytes)});
  }
  if (const std::string& weights = request.plan.arms.front().weights; !weights.empty()) {
    options.command.insert(options.command.end(), {"--weights", weights});
  }
  options.timeout = request.timeout;
  options.log_limit_bytes = request.log_limit_bytes;
  targets.push_back(measure::make_native_target(std::move(options)));
  return targets;
}

}  // namespace coldload::cli
