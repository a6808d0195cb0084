#include "run/plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "process/port.h"
#include "run/copy_source.h"
#include "server/argv.h"
#include "server/invocation.h"
#include "server/server_kind.h"

namespace coldload::run {

namespace {

// The address to ask a server at that listens on `host`; empty where nobody can tell.
std::string host_to_ask(const std::string& host) {
  constexpr std::array<std::string_view, 4> k_any{"", "0.0.0.0", "::", "localhost"};
  if (std::find(k_any.begin(), k_any.end(), host) != k_any.end()) return "127.0.0.1";
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ? host : "";
}

// Where a server is asked whether it is ready.
struct Address {
  std::string url;         // {port} in it stands for itself; empty: not known
  std::string unknown_as;  // why, then, and what to do
};

// As far as its command tells.
Address address_of_command(const server::ServerKind& kind, const std::vector<std::string>& words) {
  const bool speaks_tls = server::has_flag(
      words, {"--ssl-keyfile", "--ssl-certfile", "--ssl-key-file", "--ssl-cert-file"});
  if (speaks_tls) return {"", "it speaks TLS"};
  const std::string name = server::flag_value(words, {"--host"}).value_or("");
  const std::string host = host_to_ask(name);
  if (host.empty()) {
    return {"", fmt::format("its --host {} is no IPv4 address; --ready-url says where", name)};
  }
  return {fmt::format("http://{}:{{port}}{}", host, kind.ready_endpoint), ""};
}

// As it is written where nobody can tell what it is relative to.
std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::absolute(path, error);
  return error || found.empty() ? path : found.string();
}

// How much of the GPU's memory the server will take; nothing where its command does not tell.
std::optional<double> memory_share(const server::ServerKind& kind,
                                   const std::vector<std::string>& words) {
  if (kind.memory_flag.empty()) return std::nullopt;
  const auto said = server::flag_value(words, {kind.memory_flag});
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
  const std::vector<std::string>& words = request.command;
  const bool may_copy = !request.copy.empty();
  // With two directories that may be served, the command cannot name one.
  server::ArgvFacts facts = may_copy ? server::examine_argv(words) : server::facts_of_argv(words);
  if (facts.uses_max_model_len) {
    throw server::ArgvError(
        "run knows no {max_model_len}: write the number into the server's command");
  }
  const server::ServerKind& kind = server::recognise(server::look_through(words));
  const bool says_port = facts.uses_port || facts.fixed_port || request.port != 0;
  const bool says_none = !says_port && !server::has_flag(words, {"--port"});
  if (says_none && kind.default_port != 0) facts.fixed_port = kind.default_port;
  Address address{request.ready_url, ""};
  if (address.url.empty()) {
    address = says_port || facts.fixed_port
                  ? address_of_command(kind, words)
                  : Address{"", "no port is found in its command; --port says which"};
  }
  const std::string& url = address.url;
  const std::string any_url = url.empty() ? "http://127.0.0.1/" : url;
  const server::ReadyPlan ready = server::plan_ready(facts, request.port, any_url);
  const auto port = ready.choose_port ? std::optional(process::choose_free_port()) : ready.port;

  RunPlan plan;
  const std::string model = absolute(request.path);
  plan.options.argv = server::substitute(words, {model, port, std::nullopt});
  plan.options.argv_of = [words, port](const std::string& other) {
    return server::substitute(words, {other, port, std::nullopt});
  };
  plan.options.argv_as_written = server::substitute(words, {request.path, port, std::nullopt});
  plan.options.strict = request.strict;
  plan.why_not_asked = address.unknown_as;
  plan.options.reader = {"/proc/self/exe", "read-ahead"};
  if (const auto share = memory_share(kind, words)) {
    plan.options.reader.insert(plan.options.reader.end(),
                               {"--memory-share", fmt::format("{}", *share)});
  }
  plan.options.reader.push_back(model);
  if (may_copy) {
    const std::string copy = absolute(request.copy);
    plan.options.reader.push_back(copy);
    plan.options.copy = {{"/proc/self/exe", "read-ahead", "--copy", model, copy},
                         server::substitute(words, {served_in_copy(model, copy), port, {}})};
    const bool by_path = &kind == &server::k_vllm || &kind == &server::k_sglang;
    plan.name_follows_directory = by_path && !server::has_flag(words, {"--served-model-name"});
  }
  if (url.empty()) return plan;
  plan.options.ready_url = local_url(server::substitute(url, {model, port, std::nullopt}));
  plan.options.must_be_ours = request.ready_url.empty();
  return plan;
}

}  // namespace coldload::run
