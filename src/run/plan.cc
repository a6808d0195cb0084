#include "run/plan.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "process/port.h"
#include "server/address.h"
#include "server/argv.h"
#include "server/invocation.h"
#include "server/server_command.h"
#include "server/server_kind.h"

namespace coldload::run {

namespace {

// Where the server will answer when it is ready, as far as its command tells; {port} in it stands
// for itself. Empty: not known, or not without a name server.
std::string url_of_command(const server::ServerCommand& command) {
  const server::Address address = server::address_of(*command.kind, command.settings);
  return command.faults.empty() && !address.is_by_name ? address.url : "";
}

// Asking must not wait for a name server.
process::ReadyUrl local_url(const std::string& text) {
  try {
    process::ReadyUrl url = process::parse_ready_url(text);
    if (process::needs_no_name_server(url)) return url;
  } catch (const os::Error& error) {
    throw server::ArgvError(error.what());
  }
  throw server::ArgvError(fmt::format(
      "--ready-url {}: its host is localhost or an IP address: the server runs here", text));
}

}  // namespace

RunPlan plan_run(const RunRequest& request) {
  const server::ServerCommand command = server::read_command(request.command, nullptr, {});
  const bool may_copy = !request.copy.empty();
  // With two directories that may be served, the command cannot name one.
  server::ArgvFacts facts =
      may_copy ? server::examine_command(command) : server::facts_of_command(command);
  if (facts.uses_max_model_len) {
    throw server::ArgvError(
        "run knows no {max_model_len}: write the number into the server's command");
  }
  const server::ServerKind& kind = *command.kind;
  const bool says_port = facts.uses_port || facts.fixed_port || request.port != 0;
  if (!says_port && kind.default_port != 0) facts.fixed_port = kind.default_port;
  std::string url = request.ready_url.empty() ? url_of_command(command) : request.ready_url;
  if (url.find("{port}") != std::string::npos && !says_port && !facts.fixed_port) url.clear();
  const std::string any_url = url.empty() ? "http://127.0.0.1/" : url;
  const server::ReadyPlan ready =
      server::plan_ready(facts, request.port, request.ready_url, any_url);
  const auto port = ready.choose_port ? std::optional(process::choose_free_port()) : ready.port;

  RunPlan plan;
  plan.remarks = command.faults;
  plan.remarks.insert(plan.remarks.end(), command.remarks.begin(), command.remarks.end());
  const std::string model = std::filesystem::absolute(request.path);
  plan.options.argv = server::substitute(command.argv, {model, port, std::nullopt});
  plan.options.reader = {"/proc/self/exe", "read-ahead", model};
  if (may_copy) {
    if (std::filesystem::path(model).extension() == ".gguf") {
      throw server::ArgvError(
          "--stage: a .gguf file cannot be staged by itself: name its directory");
    }
    const std::string copy = std::filesystem::absolute(request.copy);
    plan.options.reader.push_back(copy);
    plan.options.copy = {{"/proc/self/exe", "read-ahead", "--copy", model, copy},
                         server::substitute(command.argv, {copy, port, std::nullopt})};
    const bool by_path = &kind == &server::k_vllm || &kind == &server::k_sglang;
    plan.name_follows_directory =
        by_path && !server::has_flag(command.settings, {"--served-model-name"});
  }
  if (url.empty()) return plan;
  plan.options.ready_url = local_url(server::substitute(url, {model, port, std::nullopt}));
  plan.options.must_be_ours = request.ready_url.empty();
  return plan;
}

}  // namespace coldload::run
