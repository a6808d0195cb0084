#include "run/plan.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "process/port.h"
#include "run/copy_source.h"
#include "server/address.h"
#include "server/argv.h"
#include "server/invocation.h"
#include "server/server_command.h"
#include "server/server_kind.h"

namespace coldload::run {

namespace {

// Where a server is asked whether it is ready.
struct Asked {
  std::string url;         // {port} in it stands for itself; empty: not known
  std::string unknown_as;  // why, then, and what to do
};

// As far as its command tells, and without a name server.
Asked asked_by_command(const server::ServerCommand& command, bool port_is_known) {
  if (!command.faults.empty()) return {"", command.faults.front()};
  const server::Address address = server::address_of(*command.kind, command.settings);
  if (address.is_by_name) {
    const std::string_view flag = command.kind->speech.host_flag;
    return {"", fmt::format("its {} {} is no IP address; --ready-url says where", flag,
                            server::flag_value(command.settings, {flag}).value_or(""))};
  }
  if (!port_is_known && !address.is_socket) {
    return {"", "no port is found in its command; --port says which"};
  }
  return {address.url, ""};
}

// As it is written where nobody can tell what it is relative to.
std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::absolute(path, error);
  return error || found.empty() ? path : found.string();
}

// How much of the GPU's memory the server will take; nothing where it is not told so.
std::optional<double> memory_share(const server::ServerCommand& command) {
  const server::ServerKind& kind = *command.kind;
  if (kind.memory_flag.empty()) return std::nullopt;
  const auto said = server::flag_value(command.settings, {kind.memory_flag});
  if (!said) {
    return kind.default_memory_share > 0 ? std::optional(kind.default_memory_share) : std::nullopt;
  }
  double share = 0;
  const char* const end = said->data() + said->size();
  const auto [stop, error] = std::from_chars(said->data(), end, share);
  const bool is_share = error == std::errc() && stop == end && share > 0 && share <= 1;
  return is_share ? std::optional(share) : std::nullopt;
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
  const bool says_none = !says_port && !server::has_flag(command.settings, {"--port"});
  if (says_none && kind.default_port != 0) facts.fixed_port = kind.default_port;
  const Asked asked = request.ready_url.empty()
                          ? asked_by_command(command, says_port || facts.fixed_port)
                          : Asked{request.ready_url, ""};
  const std::string& url = asked.url;
  const std::string any_url = url.empty() ? "http://127.0.0.1/" : url;
  const server::ReadyPlan ready =
      server::plan_ready(facts, request.port, request.ready_url, any_url);
  const auto port = ready.choose_port ? std::optional(process::choose_free_port()) : ready.port;

  RunPlan plan;
  plan.remarks = command.faults;
  const std::string model = absolute(request.path);
  plan.options.argv = server::substitute(command.argv, {model, port, std::nullopt});
  plan.options.argv_of = [words = command.argv, port](const std::string& other) {
    return server::substitute(words, {other, port, std::nullopt});
  };
  plan.options.argv_as_written =
      server::substitute(command.argv, {request.path, port, std::nullopt});
  plan.options.strict = request.strict;
  plan.why_not_asked = asked.unknown_as;
  plan.options.reader = {os::k_own_program, "read-ahead"};
  if (const auto share = memory_share(command)) {
    plan.options.reader.insert(plan.options.reader.end(),
                               {"--memory-share", fmt::format("{}", *share)});
  }
  const std::string_view preferred =
      kind.preferred_weights == nullptr ? "" : kind.preferred_weights(command.settings);
  if (!preferred.empty()) {
    plan.options.reader.insert(plan.options.reader.end(), {"--prefer", std::string(preferred)});
  }
  std::vector<std::string> weights;
  if (!request.weights.empty()) weights = {"--weights", request.weights};
  plan.options.reader.insert(plan.options.reader.end(), weights.begin(), weights.end());
  if (!request.start_set.empty()) {
    const std::string file = absolute(request.start_set);
    StartSetOptions start_set;
    start_set.reader = {os::k_own_program, "read-ahead", "--start-set", file};
    start_set.learner = {os::k_own_program, "read-ahead", "--learn"};
    if (!preferred.empty()) {
      start_set.learner.insert(start_set.learner.end(), {"--prefer", std::string(preferred)});
    }
    start_set.learner.insert(start_set.learner.end(), weights.begin(), weights.end());
    start_set.learner.insert(start_set.learner.end(), {"--start-set", file, model});
    if (may_copy) start_set.learner.push_back(absolute(request.copy));
    plan.options.start_set = std::move(start_set);
    plan.options.reader.insert(plan.options.reader.end(), {"--start-set", file});
  }
  plan.options.reader.push_back(model);
  if (may_copy) {
    const std::string copy = absolute(request.copy);
    plan.options.reader.push_back(copy);
    std::vector<std::string> copier{os::k_own_program, "read-ahead", "--copy"};
    copier.insert(copier.end(), weights.begin(), weights.end());
    copier.insert(copier.end(), {model, copy});
    plan.options.copy = {std::move(copier),
                         server::substitute(command.argv, {served_in_copy(model, copy), port, {}})};
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
