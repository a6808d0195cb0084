#include "cli/obstacles.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "records/results.h"
#include "server/program.h"

namespace coldload::cli {

namespace {

std::string problem_with(const std::string& path, int error_number) {
  return fmt::format("{}; choose another --out",
                     os::SystemError("write to", path, error_number).what());
}

}  // namespace

std::string why_not_writable(const std::string& directory) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::absolute(directory, error);
  // What is missing is made in the first directory above that is there.
  while (!std::filesystem::exists(at, error) && at.has_relative_path()) at = at.parent_path();
  if (!std::filesystem::is_directory(at, error)) return problem_with(at, ENOTDIR);
  if (::access(at.c_str(), W_OK | X_OK) != 0) return problem_with(at, errno);
  for (const char* name : {records::k_csv_name, records::k_jsonl_name, records::k_markdown_name}) {
    const std::string path = (std::filesystem::path(directory) / name).string();
    if (::access(path.c_str(), W_OK) != 0 && errno != ENOENT) return problem_with(path, errno);
  }
  return "";
}

std::vector<std::string> obstacles_of(const ExperimentRequest& request,
                                      const std::vector<measure::Arm>& arms) {
  std::vector<std::string> obstacles;
  for (const measure::Arm& arm : arms) {
    if (request.plan.cold != measure::ColdPolicy::verify || arm.pages_unseen.empty()) continue;
    if (arm.facts.stand_in) continue;  // another view of these files is measured
    obstacles.push_back(fmt::format(
        "no run of {} can be verified cold: {}; run as root or as the files' owner, or take "
        "--cold best-effort",
        arm.facts.label, arm.pages_unseen));
  }
  for (const measure::ServerOptions& server : request.servers) {
    std::string program = server::why_not_startable(server.command.argv, server.command.invocation);
    if (!program.empty()) obstacles.push_back(std::move(program));
  }
  std::string out = why_not_writable(request.plan.out_directory);
  if (!out.empty()) obstacles.push_back(std::move(out));
  return obstacles;
}

}  // namespace coldload::cli
