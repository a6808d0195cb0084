#include "server/version_probe.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>

#include "os/child_output.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/path.h"
#include "os/subprocess.h"
#include "server/program.h"
#include "server/wrappers.h"

namespace coldload::server {

namespace {

constexpr std::size_t k_script_head_bytes = 4096;

// "#!/opt/venv/bin/python3" -> its words; empty for anything that is no script of Python's. pip
// writes `#!/bin/sh` and an exec line where the interpreter's path is long.
std::vector<std::string> interpreter_of_script(const std::string& path) {
  std::ifstream script(path);
  std::string first(k_script_head_bytes, '\0');
  script.read(first.data(), static_cast<std::streamsize>(first.size()));
  first.resize(static_cast<std::size_t>(script.gcount()));
  if (first.rfind("#!", 0) != 0) return {};
  std::string line = first.substr(2, first.find('\n') - 2);
  constexpr std::string_view k_exec = "'''exec' ";
  if (const std::size_t exec = first.find(k_exec);
      line.find("/sh") != std::string::npos && exec != std::string::npos) {
    line = first.substr(exec + k_exec.size());
    line = line.substr(0, line.find(" \"$0\""));
    line.erase(std::remove(line.begin(), line.end(), '"'), line.end());
  }
  if (line.find("python") == std::string::npos) return {};
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

// Whether one of the words is a program of one of these names.
bool names_one_of(const std::vector<std::string>& words, const std::set<std::string>& names) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return names.count(word.substr(word.rfind('/') + 1)) != 0;
  });
}

// The wrappers' words and the interpreter's; empty where there is none.
std::vector<std::string> interpreter_of(const std::vector<std::string>& argv) {
  const Invocation invocation = look_through(argv);
  if (invocation.program.empty()) return {};
  const auto does_more = [](const std::string& name) { return wrapper_of(name)->does_more; };
  if (std::any_of(invocation.wrappers.begin(), invocation.wrappers.end(), does_more)) return {};
  std::vector<std::string> words(argv.begin(),
                                 argv.begin() + static_cast<std::ptrdiff_t>(invocation.at));
  if (invocation.is_python()) {
    words.push_back(argv[invocation.at]);
    return words;
  }
  // A container's is its own.
  if (names_one_of(words, {"apptainer", "singularity"})) {
    words.emplace_back("python3");
    return words;
  }
  // Within a project's environment that a wrapper sets up, `python` is that environment's.
  if (names_one_of(words, {"uv", "uvx", "poetry", "pixi", "conda", "mamba", "micromamba", "pipenv",
                           "hatch", "rye", "pdm"})) {
    words.emplace_back("python");
    return words;
  }
  const std::vector<std::string> interpreter =
      interpreter_of_script(os::find_program(argv[invocation.at]));
  if (interpreter.empty()) return {};
  words.insert(words.end(), interpreter.begin(), interpreter.end());
  return words;
}

// What the command prints first, if it ends well within k_version_patience.
std::optional<std::string> first_line_of(std::vector<std::string> argv,
                                         const Environment& environment) {
  os::Pipe output = os::make_pipe();
  const os::Fd nowhere = os::open_file("/dev/null", O_WRONLY);
  os::SpawnOptions options;
  options.argv = std::move(argv);
  options.environment = environment;
  options.stdout_fd = output.write_end.get();
  options.stderr_fd = nowhere.get();
  options.new_session = true;
  os::Subprocess child(options);
  output.write_end.reset();
  const os::TimePoint deadline = os::Clock::now() + k_version_patience;
  std::string line = os::read_line(output.read_end, deadline);
  const bool ended = !os::interrupted() && child.ended_by(deadline);
  child.kill_group();  // and whatever it started
  if (!ended || !child.wait().success()) return std::nullopt;
  return line;
}

}  // namespace

std::optional<std::string> installed_version(const std::vector<std::string>& argv,
                                             std::string_view package,
                                             const Environment& environment) {
  std::vector<std::string> words = interpreter_of(argv);
  if (words.empty()) return std::nullopt;
  words.insert(
      words.end(),
      {"-c", fmt::format("import importlib.metadata as m; print(m.version('{}'))", package)});
  try {
    const auto version = first_line_of(std::move(words), environment);
    return version && !version->empty() ? version : std::nullopt;
  } catch (const os::Error&) {
    return std::nullopt;  // no such interpreter
  }
}

}  // namespace coldload::server
