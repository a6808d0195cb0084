#include "server/argv.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

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
std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  const auto value = whole_number(text);
  if (!value || *value == 0 || *value > std::numeric_limits<std::uint16_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(*value);
}

// vLLM's reading of lengths: k, m and g are decimal, K, M and G binary.
std::optional<std::uint64_t> length_number(std::string_view text) {
  std::uint64_t unit = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 'k':
        unit = 1000;
        break;
      case 'm':
        unit = 1'000'000;
        break;
      case 'K':
        unit = 1U << 10;
        break;
      case 'M':
        unit = 1U << 20;
        break;
      default:
        break;
    }
    if (unit != 1) text.remove_suffix(1);
  }
  const auto value = whole_number(text);
  if (!value || *value == 0 || *value > std::numeric_limits<std::uint64_t>::max() / unit) {
    return std::nullopt;
  }
  return *value * unit;
}

struct Flag {
  std::string name;  // with dashes, as vLLM's parser takes underscores too
  std::string_view value;
};

// The flag that begins at `argv[index]`: "--name value" or "--name=value".
std::optional<Flag> flag_at(const std::vector<std::string>& argv, std::size_t index) {
  const std::string_view word = argv[index];
  if (word.size() < 2 || word.front() != '-') return std::nullopt;
  const std::size_t equals = word.find('=');
  Flag flag;
  flag.name = word.substr(0, equals);
  std::replace(flag.name.begin(), flag.name.end(), '_', '-');
  if (equals != std::string_view::npos) {
    flag.value = word.substr(equals + 1);
  } else if (index + 1 < argv.size()) {
    flag.value = argv[index + 1];
  }
  return flag;
}

bool runs_llama_server(const std::vector<std::string>& argv) {
  return std::any_of(argv.begin(), argv.end(), [](const std::string& word) {
    const std::string name = word.substr(word.rfind('/') + 1);
    return name == "llama-server" || name == "llama-cpp-server";
  });
}

}  // namespace

ArgvFacts examine_argv(const std::vector<std::string>& argv) {
  ArgvFacts facts = facts_of_argv(argv);
  if (!contains(argv, k_model)) {
    throw ArgvError(
        "the server's command has no {model}: the same command must load the checkpoint from "
        "every path, so write {model} where the model directory goes (vllm serve {model} ...)");
  }
  return facts;
}

ArgvFacts facts_of_argv(const std::vector<std::string>& argv) {
  if (argv.empty() || argv.front().empty()) {
    throw ArgvError("no server command was given after --");
  }
  ArgvFacts facts;
  facts.uses_port = contains(argv, k_port);
  facts.uses_max_model_len = contains(argv, k_max_model_len);
  const bool is_llama_server = runs_llama_server(argv);
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const auto flag = flag_at(argv, i);
    if (!flag) continue;
    const bool is_port = flag->name == "--port" || flag->name == "-p";
    const bool is_length = flag->name == "--max-model-len" || flag->name == "--context-length" ||
                           flag->name == "--ctx-size" || (is_llama_server && flag->name == "-c");
    if (is_port && !facts.uses_port) {
      if (const auto port = port_number(flag->value)) facts.fixed_port = port;
    }
    if (is_length) facts.max_model_len = length_number(flag->value);
  }
  return facts;
}

std::string substitute(std::string_view text, const ArgvValues& values) {
  std::string result;
  while (!text.empty()) {
    const std::size_t brace = text.find('{');
    result += text.substr(0, brace);
    if (brace == std::string_view::npos) break;
    text.remove_prefix(brace);
    if (text.substr(0, k_model.size()) == k_model) {
      result += values.model;
      text.remove_prefix(k_model.size());
    } else if (text.substr(0, k_port.size()) == k_port) {
      if (!values.port) throw ArgvError("{port} is used, but no port is known: give --port");
      result += std::to_string(*values.port);
      text.remove_prefix(k_port.size());
    } else if (text.substr(0, k_max_model_len.size()) == k_max_model_len) {
      if (!values.max_model_len) {
        throw ArgvError("{max_model_len} is used, but not known: give --max-model-len");
      }
      result += std::to_string(*values.max_model_len);
      text.remove_prefix(k_max_model_len.size());
    } else {
      result += '{';
      text.remove_prefix(1);
    }
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
                     std::string_view endpoint) {
  ReadyPlan plan;
  if (port_flag != 0 && facts.fixed_port && *facts.fixed_port != port_flag) {
    throw ArgvError(
        fmt::format("--port {} contradicts port {} in the server's command: give one of them, or "
                    "write {{port}} there",
                    port_flag, *facts.fixed_port));
  }
  if (port_flag != 0) {
    plan.port = port_flag;
  } else if (facts.fixed_port) {
    plan.port = facts.fixed_port;
  }
  plan.choose_port = facts.uses_port && !plan.port;
  plan.url = ready_url.empty() ? fmt::format("http://127.0.0.1:{{port}}{}", endpoint) : ready_url;
  const bool port_known = plan.port || plan.choose_port;
  if (plan.url.find(k_port) != std::string::npos && !port_known) {
    throw ArgvError(
        "the server's port is not known, so nobody can tell when it is ready: write {port} into "
        "its command (--port {port}), or give --ready-url http://127.0.0.1:PORT/health");
  }
  return plan;
}

}  // namespace coldload::server
