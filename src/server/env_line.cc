#include "server/env_line.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <re2/re2.h>

#include "server/wrappers.h"

namespace coldload::server {

namespace {

// Nothing for what env would not take literally, and for a quote that does not end.
std::optional<std::vector<std::string>> words_of_line(const std::string& line) {
  constexpr std::string_view k_not_literal = "\\$#";
  constexpr std::string_view k_blanks = " \t\n\v\f\r";
  if (line.find_first_of(k_not_literal) != std::string::npos) return std::nullopt;
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (const char letter : line) {
    const bool is_blank = k_blanks.find(letter) != std::string_view::npos;
    if (quote == '\0' && is_blank) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (letter == quote) {
      quote = '\0';
    } else if (quote == '\0' && (letter == '\'' || letter == '"')) {
      quote = letter;
    } else {
      words.back() += letter;
    }
  }
  return quote == '\0' ? std::optional(words) : std::nullopt;
}

// Where an option -S stands among env's own words, and what it says.
struct EnvLine {
  std::size_t at = 0;
  std::size_t end = 0;                // past its value
  std::vector<std::string> replaces;  // what stands in its place
};

std::optional<EnvLine> line_of_env(const Wrapper& env, const std::vector<std::string>& argv,
                                   std::size_t env_at) {
  for (std::size_t at = env_at + 1; at < argv.size(); ++at) {
    const std::string& word = argv[at];
    std::string others;
    std::string line;
    if (word.empty() || word.front() != '-' || word == "--") return std::nullopt;
    if (std::find(env.with_value.begin(), env.with_value.end(), word) != env.with_value.end()) {
      ++at;
      continue;
    }
    if (!re2::RE2::FullMatch(word, env.line_option, &others, &line)) continue;
    const bool is_next = line.empty() && word.back() != '=';
    if (is_next && at + 1 >= argv.size()) return std::nullopt;
    auto words = words_of_line(is_next ? argv[at + 1] : line);
    if (!words) return std::nullopt;
    if (!others.empty()) words->insert(words->begin(), "-" + others);
    return EnvLine{at, at + (is_next ? 2 : 1), *std::move(words)};
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> with_env_lines_split(std::vector<std::string> argv) {
  // Each is taken apart by moving all that follows; more of them are no command that anybody
  // starts.
  constexpr int k_most_lines = 100;
  std::size_t at = 0;
  for (int lines = 0; at < argv.size() && lines < k_most_lines;) {
    const Wrapper* const wrapper = wrapper_of(argv[at]);
    if (wrapper == nullptr) break;
    const auto line =
        wrapper->line_option == nullptr ? std::nullopt : line_of_env(*wrapper, argv, at);
    if (!line) {
      at = look_behind(*wrapper, argv, at).at;
      continue;
    }
    ++lines;
    // The words may begin with another -S, of which there is one less then.
    const auto begin = argv.begin();
    argv.erase(begin + static_cast<std::ptrdiff_t>(line->at),
               begin + static_cast<std::ptrdiff_t>(line->end));
    argv.insert(argv.begin() + static_cast<std::ptrdiff_t>(line->at), line->replaces.begin(),
                line->replaces.end());
  }
  return argv;
}

}  // namespace coldload::server
