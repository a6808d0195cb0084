#include "server/argv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "server/server_kind.h"

namespace coldload::server {

namespace {

constexpr std::string_view k_model = "{model}";
constexpr std::string_view k_port = "{port}";
constexpr std::string_view k_max_model_len = "{max_model_len}";

bool contains(const std::vector<std::string>& argv, std::string_view placeholder) {
  return std::any_of(argv.begin(), argv.end(), [&](const std::string& word) {
    return word.find(placeholder) != std::string::npos;
  });
}

// A whole number; nothing for anything else.
template <typename Number>
std::optional<Number> whole_number(std::string_view text) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  const auto value = whole_number<std::uint16_t>(text);
  return value == 0 ? std::nullopt : value;
}

// vLLM's reading of lengths: k and m are decimal, K and M binary.
std::optional<std::uint64_t> length_number(std::string_view text) {
  constexpr std::string_view k_letters = "kmKM";
  constexpr std::array<std::uint64_t, 4> k_units{1000, 1'000'000, 1U << 10, 1U << 20};
  std::uint64_t unit = 1;
  if (const std::size_t at = text.empty() ? std::string_view::npos : k_letters.find(text.back());
      at != std::string_view::npos) {
    unit = k_units.at(at);
    text.remove_suffix(1);
  }
  const auto value = whole_number<std::uint64_t>(text);
  if (!value || *value == 0 || *value > std::numeric_limits<std::uint64_t>::max() / unit) {
    return std::nullopt;
  }
  return *value * unit;
}

}  // namespace

ArgvFacts examine_command(const ServerCommand& command) {
  ArgvFacts facts = facts_of_command(command);
  if (!contains(command.argv, k_model)) {
    throw ArgvError(
        "the server's command has no {model}: the same command must load the checkpoint from "
        "every path, so write {model} where the model directory goes (vllm serve {model} ...)");
  }
  return facts;
}

ArgvFacts facts_of_command(const ServerCommand& command) {
  if (command.argv.empty() || command.argv.front().empty()) {
    throw ArgvError("no server command was given after --");
  }
  const Speech& speech = command.kind->speech;
  ArgvFacts facts;
  facts.uses_port = contains(command.argv, k_port);
  facts.uses_max_model_len = contains(command.argv, k_max_model_len);
  const std::string port = flag_value(command.settings, speech.port_flags).value_or("");
  facts.listens_at_port_placeholder = command.kind != &k_generic && port == k_port;
  if (!facts.uses_port) facts.fixed_port = port_number(port);
  facts.max_model_len =
      length_number(flag_value(command.settings, speech.length_flags).value_or(""));
  return facts;
}

std::string substitute(std::string_view text, const ArgvValues& values) {
  std::string result;
  while (!text.empty()) {
    const std::size_t brace = text.find('{');
    result += text.substr(0, brace);
    if (brace == std::string_view::npos) break;
    text.remove_prefix(brace);
    std::string_view taken = "{";
    if (text.starts_with(k_model)) {
      result += values.model;
      taken = k_model;
    } else if (text.starts_with(k_port)) {
      if (!values.port) throw ArgvError("{port} is used, but no port is known: give --port");
      result += std::to_string(*values.port);
      taken = k_port;
    } else if (text.starts_with(k_max_model_len)) {
      if (!values.max_model_len) {
        throw ArgvError("{max_model_len} is used, but not known: give --max-model-len");
      }
      result += std::to_string(*values.max_model_len);
      taken = k_max_model_len;
    } else {
      result += taken;
    }
    text.remove_prefix(taken.size());
  }
  return result;
}

std::vector<std::string> substitute(const std::vector<std::string>& argv,
                                    const ArgvValues& values) {
  std::vector<std::string> words;
  words.reserve(argv.size());
  for (const std::string& word : argv) words.push_back(substitute(word, values));
  return words;
}

ReadyPlan plan_ready(const ArgvFacts& facts, std::uint16_t port_flag, const std::string& ready_url,
                     const std::string& own_url) {
  ReadyPlan plan;
  if (port_flag != 0 && facts.fixed_port && *facts.fixed_port != port_flag) {
    throw ArgvError(
        fmt::format("--port {} contradicts port {} in the server's command: give one of them, or "
                    "write {{port}} there",
                    port_flag, *facts.fixed_port));
  }
  plan.port = port_flag != 0 ? std::optional(port_flag) : facts.fixed_port;
  plan.choose_port = facts.uses_port && !plan.port;
  plan.url = ready_url.empty() ? own_url : ready_url;
  const bool is_socket = ready_url.find("://unix:") != std::string::npos;
  if (!ready_url.empty() && !is_socket && plan.choose_port && facts.listens_at_port_placeholder &&
      ready_url.find(k_port) == std::string::npos) {
    throw ArgvError(fmt::format(
        "--ready-url {} would not be the server's: it listens at {{port}}, a free one for every "
        "launch; write {{port}} into the URL, or give --port",
        ready_url));
  }
  const bool port_known = plan.port || plan.choose_port;
  if (plan.url.find(k_port) != std::string::npos && !port_known) {
    throw ArgvError(
        "the server's port is not known, so nobody can tell when it is ready: write {port} into "
        "its command (--port {port}), or give --ready-url http://127.0.0.1:PORT/health");
  }
  return plan;
}

}  // namespace coldload::server
