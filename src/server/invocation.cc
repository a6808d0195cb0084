#include "server/invocation.h"

#include <algorithm>
#include <array>

#include <re2/re2.h>

namespace coldload::server {

namespace {

// A command that runs another one, given as its arguments.
struct Wrapper {
  std::string_view name;
  std::vector<std::string_view> flags_with_value;  // these take the next word
  std::vector<std::string_view> subcommands;       // one of these must follow: `uv run`
  std::size_t operands = 0;                        // words of its own before the command
};

const std::vector<Wrapper>& wrappers() {
  static const std::vector<Wrapper> k_wrappers{
      {"env", {"-u", "--unset", "-C", "--chdir"}, {}, 0},
      {"numactl",
       {"-N", "--cpunodebind", "-m", "--membind", "-C", "--physcpubind", "-p", "--preferred", "-i",
        "--interleave"},
       {},
       0},
      {"taskset", {}, {}, 1},
      {"nice", {"-n"}, {}, 0},
      {"ionice", {"-c", "-n"}, {}, 0},
      {"chrt", {}, {}, 1},
      {"nohup", {}, {}, 0},
      {"setsid", {}, {}, 0},
      {"stdbuf", {"-i", "-o", "-e"}, {}, 0},
      {"time", {"-o", "-f"}, {}, 0},
      {"timeout", {"-k", "-s", "--kill-after", "--signal"}, {}, 1},
      {"sudo", {"-u", "-g", "-C", "-D"}, {}, 0},
      {"uv",
       {"--with", "--python", "-p", "--project", "--directory", "--extra", "--group", "--env-file",
        "--index-url", "--with-requirements"},
       {"run"},
       0},
      {"uvx", {"--with", "--python", "-p", "--from"}, {}, 0},
      {"poetry", {"-C"}, {"run"}, 0},
      {"pixi", {"-e", "--environment", "--manifest-path"}, {"run"}, 0},
      {"conda", {"-n", "--name", "-p", "--prefix", "--cwd"}, {"run"}, 0},
      {"mamba", {"-n", "--name", "-p", "--prefix", "--cwd"}, {"run"}, 0},
      {"nsys", {"-o", "-t", "--output", "--trace"}, {"profile"}, 0},
      {"tini", {}, {}, 0},
      {"dumb-init", {}, {}, 0},
      {"coldload", {"--port", "--ready-url", "--stage"}, {"run"}, 1},
  };
  return k_wrappers;
}

// They hand the command to a daemon or another machine: what runs is no descendant of ours.
constexpr std::array<std::string_view, 13> k_outsiders{
    "docker", "podman",      "nerdctl", "docker-compose", "podman-compose", "kubectl", "oc", "srun",
    "sbatch", "systemd-run", "ssh",     "salloc",         "machinectl"};

std::string basename_of(const std::string& word) { return word.substr(word.rfind('/') + 1); }

bool is_assignment(const std::string& word) {
  return re2::RE2::PartialMatch(word, "^[A-Za-z0-9_]+=");
}

template <typename Range>
bool holds(const Range& range, std::string_view word) {
  return std::find(range.begin(), range.end(), word) != range.end();
}

// The index of the command that the wrapper at `at` runs.
std::size_t behind(const Wrapper& wrapper, const std::vector<std::string>& argv, std::size_t at) {
  ++at;
  std::size_t operands = wrapper.operands;
  bool wants_subcommand = !wrapper.subcommands.empty();
  while (at < argv.size()) {
    const std::string& word = argv[at];
    if (word == "--") return at + 1;
    if (word.size() > 1 && word.front() == '-') {
      at += holds(wrapper.flags_with_value, word) ? 2U : 1U;
    } else if (wants_subcommand) {
      if (!holds(wrapper.subcommands, word)) return argv.size();
      wants_subcommand = false;
      ++at;
    } else if (wrapper.name == "env" && is_assignment(word)) {
      ++at;
    } else if (operands > 0) {
      --operands;
      ++at;
    } else {
      return at;
    }
  }
  return argv.size();
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

}  // namespace

bool Invocation::is_python() const { return re2::RE2::FullMatch(program, "python[0-9.]*"); }

Invocation look_through(const std::vector<std::string>& argv) {
  Invocation result;
  std::size_t at = 0;
  while (at < argv.size()) {
    const std::string name = basename_of(argv[at]);
    if (holds(k_outsiders, name)) {
      result.outsider = name;
      break;
    }
    const auto wrapper =
        std::find_if(wrappers().begin(), wrappers().end(),
                     [&](const Wrapper& candidate) { return candidate.name == name; });
    if (wrapper == wrappers().end()) break;
    const std::size_t next = behind(*wrapper, argv, at);
    if (next >= argv.size()) break;
    at = next;
  }
  if (at >= argv.size()) return result;
  result.at = at;
  result.program = basename_of(argv[at]);
  result.arguments.assign(argv.begin() + static_cast<std::ptrdiff_t>(at) + 1, argv.end());
  if (result.is_python()) {
    result.arguments.clear();
    look_into_python(argv, &result);
  }
  return result;
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
