// What an argv really runs: the program behind env, numactl, uv run, python -m and the like.
//
// Layer: server. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
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

  [[nodiscard]] bool is_python() const;
};

// Never fails: what it does not understand it takes for the program.
[[nodiscard]] Invocation look_through(const std::vector<std::string>& argv);

// The value of the last of `names` among the words: "--name value" or "--name=value"; dashes and
// underscores are the same. Nothing where none is there.
[[nodiscard]] std::optional<std::string> flag_value(const std::vector<std::string>& words,
                                                    const std::vector<std::string_view>& names);
// Whether one of `names` is among the words, with or without a value.
[[nodiscard]] bool has_flag(const std::vector<std::string>& words,
                            const std::vector<std::string_view>& names);

}  // namespace coldload::server
