// A shell that a test tells what to do, and that lives until the test is through with it.
#pragma once

#include <array>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/subprocess.h"

namespace coldload::start_set {

class Shell {
 public:
  explicit Shell(const os::Environment& environment = {}, std::vector<std::string> argv = {"sh"})
      : to_(pipe()), from_(pipe()), process_(options(environment, std::move(argv))) {
    to_[0] = os::Fd();
    from_[1] = os::Fd();
    run(":");  // by now it has loaded its libraries
  }

  [[nodiscard]] pid_t pid() const { return process_.pid(); }

  // Returns when the shell itself has done it.
  void run(const std::string& commands) {
    const std::string line = commands + "\necho done\n";
    os::write_full(to_[1], line);
    std::string answer;
    while (!answer.ends_with("done\n")) {
      std::array<char, 256> text{};
      const ssize_t length = ::read(from_[0].get(), text.data(), text.size());
      if (length <= 0) throw std::runtime_error("the shell has ended: " + answer);
      answer.append(text.data(), static_cast<std::size_t>(length));
    }
  }

 private:
  static std::array<os::Fd, 2> pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    return {os::Fd(ends[0], "pipe"), os::Fd(ends[1], "pipe")};
  }

  os::SpawnOptions options(const os::Environment& environment, std::vector<std::string> argv) {
    os::SpawnOptions spawn;
    spawn.argv = std::move(argv);
    spawn.environment = environment;
    spawn.stdin_fd = to_[0].get();
    spawn.stdout_fd = from_[1].get();
    return spawn;
  }

  std::array<os::Fd, 2> to_;
  std::array<os::Fd, 2> from_;
  os::Subprocess process_;
};

}  // namespace coldload::start_set
