#include "findings/setting.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldload::findings {

namespace {

using records::ExperimentFacts;
using Words = std::vector<std::string>;

// Every "FLAG VALUE" and "FLAG=VALUE" among coldload's own flags whose name begins with `prefix`.
Words flags_of(const ExperimentFacts& facts, std::string_view prefix) {
  Words found;
  const auto end = std::find(facts.command.begin(), facts.command.end(), "--");
  for (auto word = facts.command.begin(); word != end; ++word) {
    if (!word->starts_with(prefix)) continue;
    if (word->find('=') != std::string::npos) {
      found.push_back(*word);
    } else if (word + 1 != end) {
      found.push_back(*word + '=' + *(word + 1));
      ++word;
    }
  }
  return found;
}

}  // namespace

Machine machine_of(const ExperimentFacts& facts) {
  const text::json::object& environment = facts.environment;
  Machine machine;
  machine.cpu = text::string_at(environment, "cpu").value_or("");
  for (const text::json::object* gpu : text::objects_at(environment, "gpus")) {
    machine.gpus.push_back(text::string_at(*gpu, "name").value_or(""));
  }
  machine.cores = text::unsigned_at(environment, "cores");
  machine.memory_bytes = text::unsigned_at(environment, "memory_bytes");
  return machine;
}

bool have_like_memory(const Machine& a, const Machine& b) {
  constexpr double k_little = 0.05;
  if (!a.memory_bytes || !b.memory_bytes) return a.memory_bytes == b.memory_bytes;
  const auto less = static_cast<double>(std::min(*a.memory_bytes, *b.memory_bytes));
  const auto more = static_cast<double>(std::max(*a.memory_bytes, *b.memory_bytes));
  return more - less <= k_little * more;
}

bool are_alike(const Machine& a, const Machine& b) {
  return a.cpu == b.cpu && a.gpus == b.gpus && a.cores == b.cores && have_like_memory(a, b);
}

Words server_words(const ExperimentFacts& facts) {
  const auto dashes = std::find(facts.command.begin(), facts.command.end(), "--");
  return dashes == facts.command.end() ? Words() : Words(dashes + 1, facts.command.end());
}

Words server_variables(const ExperimentFacts& facts) {
  constexpr std::string_view k_flag = "--env=";
  Words variables;
  for (const std::string& flag : flags_of(facts, "--env")) {
    if (flag.starts_with(k_flag)) variables.push_back(flag.substr(k_flag.size()));
  }
  return variables;
}

bool is_of_every_command(std::string_view name, const text::json::value& value,
                         const ExperimentFacts& facts) {
  return std::all_of(facts.arms.begin(), facts.arms.end(), [&](const records::ArmFacts& arm) {
    if (!arm.start) return true;
    const text::json::object* const all = text::object_at(arm.start->server, "environment");
    const text::json::value* const own = all == nullptr ? nullptr : all->if_contains(name);
    return own != nullptr && *own == value;
  });
}

Words loader_words(const ExperimentFacts& facts) { return flags_of(facts, "--native-"); }

Words file_server_words(const ExperimentFacts& facts) {
  return flags_of(facts, "--prepare-server");
}

std::string coldload_version_of(const ExperimentFacts& facts) {
  const text::json::object* coldload = text::object_at(facts.environment, "coldload");
  if (coldload == nullptr) return "";
  const std::string version = text::string_at(*coldload, "version").value_or("");
  const auto commit = text::string_at(*coldload, "commit");
  return commit ? fmt::format("{} ({})", version, *commit) : version;
}

text::json::object server_of(const ExperimentFacts& facts) {
  const text::json::object* server = text::object_at(facts.environment, "server");
  if (server == nullptr && !facts.arms.empty() && facts.arms.front().start) {
    return facts.arms.front().start->server;
  }
  return server == nullptr ? text::json::object() : *server;
}

std::string server_version_of(const ExperimentFacts& facts) {
  return text::string_at(server_of(facts), "installed_version").value_or("");
}

Words pinned_flags_of(const ExperimentFacts& facts) {
  return text::strings_at(server_of(facts), "pinned_flags");
}

std::string compile_cache_of(const ExperimentFacts& facts) {
  return text::string_at(server_of(facts), "compile_cache").value_or("");
}

bool is_native(const ExperimentFacts& facts) { return facts.target == "native"; }

}  // namespace coldload::findings
