#include "cli/server_flags.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/arm_flags.h"
#include "cli/command.h"
#include "process/ready_url.h"
#include "server/address.h"
#include "server/argv.h"

namespace coldload::cli {

namespace {

std::vector<std::string_view> kind_names() {
  std::vector<std::string_view> names;
  for (const server::ServerKind* kind : server::server_kinds()) names.push_back(kind->name);
  return names;
}

// Containers and schedulers start the server where it cannot be watched, nor stopped for sure.
void refuse_outsiders(const server::Invocation& invocation) {
  if (invocation.outsider.empty()) return;
  throw UsageError(fmt::format(
      "{0} starts the server outside of coldload's own processes: nothing there can be watched, "
      "proven cold or surely stopped. Run coldload where the server runs instead: {0} ... coldload "
      "compare ... -- SERVER ...",
      invocation.outsider));
}

const server::ServerKind* kind_of(const std::string& name) {
  if (name.empty()) return nullptr;
  const server::ServerKind* const kind = server::server_kind_named(name);
  if (kind == nullptr) {
    throw UsageError(
        fmt::format("--server {}: the servers are {}", name, fmt::join(kind_names(), ", ")));
  }
  return kind;
}

std::vector<std::string> built_command(const server::ServerKind& kind, const ServerFlags& flags,
                                       const std::vector<std::string>& more_flags) {
  if (kind.command.empty()) {
    throw UsageError(fmt::format(
        "--server {} needs the server's command after --: there is none to build", kind.name));
  }
  return server::command_of(kind, {flags.max_model_len, flags.gpu_memory_utilization, more_flags});
}

// The words of the command, and the server that they are said to be; null: as they tell.
std::vector<std::string> words_of_command(const ServerFlags& flags,
                                          const std::vector<std::string>& words,
                                          const server::ServerKind* wanted) {
  const bool is_command = !words.empty() && words.front().rfind('-', 0) != 0;
  if (is_command && flags.gpu_memory_utilization) {
    throw UsageError(
        "--gpu-memory-utilization is for a command that coldload builds: write it into the "
        "server's own");
  }
  if (is_command) return words;
  if (wanted != nullptr) return built_command(*wanted, flags, words);
  throw UsageError(fmt::format(
      "the words after -- begin with the flag {}: write the server's command, or name it with "
      "--server",
      words.front()));
}

}  // namespace

void add_server_flags(CLI::App* app, ServerFlags* flags) {
  app->add_option("--server", flags->kinds,
                  fmt::format("which server it is, where its command does not tell: {};\n"
                              "with no command after --, one is built",
                              fmt::join(kind_names(), ", ")))
      ->type_name("KIND")
      ->allow_extra_args(false);
  app->add_option("--env", flags->environment, "a variable of the server's environment")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app->add_option("--port", flags->port, "the server's port (default: a free one)");
  app->add_option("--ready-url", flags->ready_urls,
                  "ready when this answers 200 (default: /health where its command says\n"
                  "that it listens); http, https, or http://unix:SOCKET:/PATH")
      ->type_name("URL")
      ->allow_extra_args(false);
  app->add_option("--max-model-len", flags->max_model_len, "for the CSV and {max_model_len}")
      ->envname("MAX_MODEL_LEN");
  app->add_option("--gpu-memory-utilization", flags->gpu_memory_utilization,
                  "share of the GPU's memory, for a command that --server builds")
      ->check(CLI::Range(0.01, 1.0))
      ->type_name("SHARE");
  app->add_option("--compile-cache", flags->compile_cache,
                  "runtime caches (compiled graphs and kernels): private to the experiment,\n"
                  "fresh for every launch, or keep the machine's own")
      ->type_name("WAY")
      ->capture_default_str();
  app->add_flag("--first-token", flags->first_token,
                "after ready, time one request's first token: a figure of its own");
}

std::optional<measure::ServerOptions> server_of(const ServerFlags& flags,
                                                const std::vector<std::string>& words) {
  const std::string named = flags.kinds.empty() ? "" : flags.kinds.front();
  if (words.empty() && named.empty()) return std::nullopt;
  measure::ServerOptions server;
  for (const std::string& entry : flags.environment) {
    server.environment.push_back(split_label("--env", entry, "NAME=VALUE"));
  }
  const server::ServerKind* const wanted = kind_of(named);
  server.command =
      server::read_command(words_of_command(flags, words, wanted), wanted, server.environment);
  refuse_outsiders(server.command.invocation);
  if (!server.command.faults.empty()) throw UsageError(server.command.faults.front());
  const auto compile_cache = server::parse_compile_cache(flags.compile_cache);
  if (!compile_cache) {
    throw UsageError(
        fmt::format("--compile-cache {}: keep, private or fresh", flags.compile_cache));
  }
  server.compile_cache = *compile_cache;
  const server::ArgvFacts facts = as_usage([&] { return server::examine_command(server.command); });
  server.max_model_len = flags.max_model_len ? flags.max_model_len : facts.max_model_len;
  if (facts.uses_max_model_len && !server.max_model_len) {
    throw UsageError("{max_model_len} is used, but --max-model-len is not given");
  }
  server.ready = as_usage([&] {
    const server::Address own = server::address_of(*server.command.kind, server.command.settings);
    const std::string asked = flags.ready_urls.empty() ? "" : flags.ready_urls.front();
    server::ReadyPlan ready = server::plan_ready(facts, flags.port, asked, own.url);
    (void)process::parse_ready_url(server::substitute(ready.url, {"", 1, std::nullopt}));
    return ready;
  });
  return server;
}

}  // namespace coldload::cli
