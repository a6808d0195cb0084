#include "server/settings.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "os/error.h"
#include "server/config_file.h"

namespace coldload::server {

namespace {

std::optional<std::string> variable(std::string_view name, const Invocation& invocation,
                                    const Environment& given) {
  std::optional<std::string> value;
  if (const char* const ours = std::getenv(std::string(name).c_str())) value = ours;
  for (const Environment* const more : {&given, &invocation.variables}) {
    for (const auto& [key, set] : *more) {
      if (key == name) value = set;
    }
  }
  return value;
}

// Words such as "--port 8000": every one of these servers refuses it, or overlooks it.
void find_joined_words(const Invocation& invocation, Settings* settings) {
  for (const std::string& word : invocation.arguments) {
    std::string flag;  // the value may be a key
    if (!re2::RE2::FullMatch(word, R"((--[A-Za-z][\w-]*)\s+\S.*)", &flag)) continue;
    settings->faults.push_back(fmt::format(
        "\"{} ...\" is a flag and its value in one word, which {} does not take apart: write two "
        "words",
        flag, invocation.program));
  }
}

// A shell's words, as in lines that are copied from one.
void find_shell_words(const Invocation& invocation, Settings* settings) {
  for (const std::string& word : invocation.arguments) {
    if (!re2::RE2::FullMatch(word, R"(&&?|\|\|?|;|[0-9&]?>>?|<|[0-9]?>&[0-9])")) continue;
    settings->faults.push_back(fmt::format(
        "\"{0}\" is a shell's word, and no shell runs {1}, which would take it for an argument: "
        "leave it out, or give the whole line to sh -c",
        word, invocation.program));
    return;
  }
}

// vLLM took "--config=FILE" without a word and without reading the file, up to 0.21 at least.
bool is_joined_config(const Invocation& invocation, std::string_view flag) {
  for (const std::string& word : invocation.arguments) {
    if (word.rfind(std::string(flag) + "=", 0) == 0) return true;
  }
  return false;
}

void read_config(const ServerKind& kind, const Invocation& invocation, Settings* settings) {
  const std::string_view flag = kind.speech.config_flag;
  if (flag.empty()) return;
  const auto path = flag_value(invocation.arguments, {flag});
  if (!path) return;
  if (is_joined_config(invocation, flag)) {
    settings->faults.push_back(fmt::format(
        "{0}={1}: some releases of {2} take it so and ignore the file: write {0} {1}, two words",
        flag, *path, kind.name));
    return;
  }
  if (path->find("{model}") != std::string::npos) {
    settings->faults.push_back(fmt::format(
        "{} {}: a file that every path has its own of may tell the server something else from each;"
        " name one file",
        flag, *path));
    return;
  }
  try {
    for (std::string& word : words_of_config(*path)) settings->words.push_back(std::move(word));
  } catch (const os::Error& error) {
    settings->faults.push_back(fmt::format("{}'s {}: {}", kind.name, flag, error.what()));
  }
}

}  // namespace

Settings settings_of(const ServerKind& kind, const Invocation& invocation,
                     const Environment& given) {
  Settings settings;
  for (const auto& [name, flag] : kind.speech.variables) {
    const auto value = variable(name, invocation, given);
    if (value) settings.words.push_back(fmt::format("{}={}", flag, *value));
  }
  read_config(kind, invocation, &settings);
  settings.words.insert(settings.words.end(), invocation.arguments.begin(),
                        invocation.arguments.end());
  if (&kind != &k_generic) {
    find_joined_words(invocation, &settings);
    find_shell_words(invocation, &settings);
  }
  // Of Python's ssl module: 2 is CERT_REQUIRED.
  if (flag_value(settings.words, {"--ssl-cert-reqs"}) == "2") {
    settings.faults.push_back(fmt::format(
        "--ssl-cert-reqs 2: {} answers only who shows a certificate, and coldload has none to show "
        "when it asks whether the server is ready; write 0 to measure it",
        kind.name));
  }
  return settings;
}

}  // namespace coldload::server
