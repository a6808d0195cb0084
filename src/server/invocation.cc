#include "server/invocation.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>

#include <re2/re2.h>

#include "server/server_kind.h"
#include "server/wrappers.h"

namespace coldload::server {

namespace {

// They hand the command to a daemon or another machine: what runs is no descendant of ours.
constexpr std::array<std::string_view, 13> k_outsiders{
    "docker", "podman",      "nerdctl", "docker-compose", "podman-compose", "kubectl", "oc", "srun",
    "sbatch", "systemd-run", "ssh",     "salloc",         "machinectl"};

constexpr std::array<std::string_view, 7> k_shells{"sh",  "bash", "dash", "ash",
                                                   "zsh", "ksh",  "fish"};

std::string basename_of(const std::string& word) { return word.substr(word.rfind('/') + 1); }

template <typename Range>
bool holds(const Range& range, std::string_view word) {
  return std::find(range.begin(), range.end(), word) != range.end();
}

void look_into_python(const std::vector<std::string>& argv, Invocation* result) {
  for (std::size_t at = result->at + 1; at < argv.size(); ++at) {
    const std::string& word = argv[at];
    if ((word == "-m" || word == "-c") && at + 1 < argv.size()) {
      (word == "-m" ? result->module : result->code) = argv[at + 1];
      result->arguments.assign(argv.begin() + static_cast<std::ptrdiff_t>(at) + 2, argv.end());
      return;
    }
    if (word == "-X" || word == "-W") {
      ++at;
    } else if (word.empty() || word.front() != '-') {
      result->script = word;
      result->arguments.assign(argv.begin() + static_cast<std::ptrdiff_t>(at) + 1, argv.end());
      return;
    }
  }
}

// The flag's name with dashes, and its value where the word holds one.
struct FlagWord {
  std::string name;
  std::optional<std::string> value;
};

std::optional<FlagWord> flag_word(const std::string& word) {
  if (word.size() < 2 || word.front() != '-') return std::nullopt;
  const std::size_t equals = word.find('=');
  FlagWord flag;
  flag.name = word.substr(0, equals);
  std::replace(flag.name.begin(), flag.name.end(), '_', '-');
  if (equals != std::string::npos) flag.value = word.substr(equals + 1);
  return flag;
}

// "-c", "-lc", "-ec" of a shell: its next word is a line of commands.
void look_into_shell(const std::vector<std::string>& argv, Invocation* result) {
  for (std::size_t at = result->at + 1; at + 1 < argv.size(); ++at) {
    const std::string& word = argv[at];
    if (word.size() < 2 || word.front() != '-') return;
    if (!re2::RE2::FullMatch(word, "-[a-z]*c[a-z]*")) continue;
    result->shell_line = argv[at + 1];
    // What follows is handed to the line.
    result->arguments.assign(argv.begin() + static_cast<std::ptrdiff_t>(at) + 2, argv.end());
    // A line of one command, as far as a look can tell.
    std::string command;
    if (!re2::RE2::PartialMatch(result->shell_line, "[;&|\n]") &&
        re2::RE2::PartialMatch(result->shell_line, R"(^\s*(?:(?:exec|\w+=\S*)\s+)*([^\s=]+))",
                               &command) &&
        holds(k_outsiders, basename_of(command))) {
      result->outsider = basename_of(command);
    }
    return;
  }
}

// The program at `at` and its own words.
void take_program(const std::vector<std::string>& argv, std::size_t at, Invocation* result) {
  if (at >= argv.size()) return;
  result->at = at;
  result->program = basename_of(argv[at]);
  result->outsider = holds(k_outsiders, result->program) ? result->program : "";
  result->arguments.assign(argv.begin() + static_cast<std::ptrdiff_t>(at) + 1, argv.end());
  if (result->is_python()) {
    result->arguments.clear();
    look_into_python(argv, result);
  } else if (holds(k_shells, result->program)) {
    look_into_shell(argv, result);
  }
}

// The Python module at `at`, which a wrapper runs.
void take_module(const std::vector<std::string>& argv, std::size_t at, Invocation* result) {
  result->at = at - 1;  // its flag's
  result->program = result->wrappers.back();
  result->module = argv[at];
  result->arguments.assign(argv.begin() + static_cast<std::ptrdiff_t>(at) + 1, argv.end());
}

// The Python script at `at`, which a wrapper runs.
void take_script(const std::vector<std::string>& argv, std::size_t at, Invocation* result) {
  result->at = at;
  result->program = basename_of(argv[at]);
  result->script = argv[at];
  result->arguments.assign(argv.begin() + static_cast<std::ptrdiff_t>(at) + 1, argv.end());
}

void note_wrapper(const Wrapper& wrapper, const Behind& behind, Invocation* result) {
  result->wrappers.emplace_back(wrapper.name);
  result->variables.insert(result->variables.end(), behind.variables.begin(),
                           behind.variables.end());
  const bool moves_path =
      std::any_of(behind.variables.begin(), behind.variables.end(),
                  [](const auto& variable) { return variable.first == "PATH"; });
  if (wrapper.finds != Finds::as_we_do || moves_path) result->is_found_as_we_do = false;
  if (behind.is_module || behind.moves) result->is_found_as_we_do = false;
}

bool is_known(const Invocation& invocation) { return &recognise(invocation) != &k_generic; }

// Whether the words from `at` on are a known server's command. Asked of every word in turn: of its
// own words no more are looked at than name one.
bool starts_server(const std::vector<std::string>& argv, std::size_t at) {
  constexpr std::size_t k_own_words = 16;
  if (at >= argv.size()) return false;
  const auto begin = argv.begin() + static_cast<std::ptrdiff_t>(at);
  const std::size_t count = std::min(argv.size() - at, k_own_words);
  Invocation invocation;
  take_program({begin, begin + static_cast<std::ptrdiff_t>(count)}, 0, &invocation);
  return is_known(invocation);
}

// The first words of the known server's command at `at`; empty where none starts there.
std::string server_in(const std::vector<std::string>& argv, std::size_t at) {
  if (!starts_server(argv, at)) return "";
  const bool has_subcommand = at + 1 < argv.size() && argv[at + 1].rfind('-', 0) != 0;
  return basename_of(argv[at]) + (has_subcommand ? " " + argv[at + 1] : "");
}

std::vector<std::string> words_between_blanks(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

}  // namespace

bool Invocation::is_python() const {
  constexpr std::string_view k_python = "python";  // "python3.11"
  return program.starts_with(k_python) &&
         program.find_first_not_of("0123456789.", k_python.size()) == std::string::npos;
}

bool Invocation::runs(std::string_view name) const {
  return program == name || module == name || (is_python() && basename_of(script) == name);
}

Invocation look_through(const std::vector<std::string>& argv) {
  Invocation result;
  std::size_t at = 0;
  bool is_sure = true;
  while (at < argv.size()) {
    const Wrapper* const wrapper = wrapper_of(argv[at]);
    if (wrapper == nullptr) break;
    Behind behind = look_behind(*wrapper, argv, at);
    is_sure = is_sure && behind.is_sure;
    const bool runs_none = behind.at >= argv.size();
    if (runs_none && is_sure) break;
    note_wrapper(*wrapper, behind, &result);
    if (runs_none) break;
    if (behind.is_module || behind.is_script) {
      (behind.is_module ? take_module : take_script)(argv, behind.at, &result);
      return result;
    }
    at = behind.at;
  }
  take_program(argv, at, &result);
  // "--with vllm vllm serve": the first is an option's value.
  const auto is_value = [&](std::size_t word) { return starts_server(argv, word + 1); };
  if (is_sure || !result.outsider.empty()) return result;
  if (is_known(result) && !is_value(result.at)) return result;
  for (std::size_t further = 1; further < argv.size(); ++further) {
    if (!starts_server(argv, further) || is_value(further)) continue;
    take_program(argv, further, &result);
    break;
  }
  return result;
}

std::optional<HiddenServer> hidden_server(const std::vector<std::string>& argv,
                                          const Invocation& invocation) {
  for (std::size_t at = invocation.at + 1; at < argv.size(); ++at) {
    if (auto command = server_in(argv, at); !command.empty()) return HiddenServer{command, at};
    const std::vector<std::string> line = words_between_blanks(argv[at]);
    for (std::size_t within = 0; line.size() > 1 && within < line.size(); ++within) {
      if (auto command = server_in(line, within); !command.empty()) {
        return HiddenServer{command, at};
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> flag_value(const std::vector<std::string>& words,
                                      const std::vector<std::string_view>& names) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto flag = flag_word(words[i]);
    if (!flag || !holds(names, flag->name)) continue;
    if (flag->value) {
      value = flag->value;
    } else if (i + 1 < words.size()) {
      value = words[i + 1];
    }
  }
  return value;
}

bool has_flag(const std::vector<std::string>& words, const std::vector<std::string_view>& names) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    const auto flag = flag_word(word);
    return flag && holds(names, flag->name);
  });
}

}  // namespace coldload::server
