// What an argv really runs: the program behind env, numactl, uv run, python -m and the like.
//
// Layer: server. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coldload::server {

struct Invocation {
  std::string program;                 // basename of what runs: "vllm", "llama-server", "python3"
  std::string module;                  // of `python -m MODULE`
  std::string code;                    // of `python -c CODE`
  std::string script;                  // of `python SCRIPT`
  std::size_t at = 0;                  // index of the program's word in the argv
  std::vector<std::string> arguments;  // the program's (or module's, or script's) own
  // What starts it where nobody can watch it: "docker", "srun", ...; empty: it is our descendant.
  std::string outsider;
  std::vector<std::string> wrappers;  // basenames of what runs it: "numactl", "uv"
  // What wrappers put into its environment: `env NAME=VALUE`.
  std::vector<std::pair<std::string, std::string>> variables;
  std::string shell_line;  // of `sh -c LINE`: what it runs is a shell's to know
  // Its word names a program that is found as we find programs, behind whatever wrappers.
  bool is_found_as_we_do = true;

  [[nodiscard]] bool is_python() const;
  // By its own word, or as Python's script or module: `python3 /opt/venv/bin/vllm`.
  [[nodiscard]] bool runs(std::string_view name) const;
};

// Never fails: what it does not understand it takes for the program. Where an option of a wrapper
// is not known, a known server's program further right is taken.
[[nodiscard]] Invocation look_through(const std::vector<std::string>& argv);
// A known server's command among the words of a program that is not known.
struct HiddenServer {
  std::string command;  // "vllm serve"
  std::size_t at = 0;   // index of the word that names it, or of the line in which it stands
};
[[nodiscard]] std::optional<HiddenServer> hidden_server(const std::vector<std::string>& argv,
                                                        const Invocation& invocation);

// The value of the last of `names` among the words: "--name value" or "--name=value"; dashes and
// underscores are the same. Nothing where none is there.
[[nodiscard]] std::optional<std::string> flag_value(const std::vector<std::string>& words,
                                                    const std::vector<std::string_view>& names);
// Whether one of `names` is among the words, with or without a value.
[[nodiscard]] bool has_flag(const std::vector<std::string>& words,
                            const std::vector<std::string_view>& names);

}  // namespace coldload::server
