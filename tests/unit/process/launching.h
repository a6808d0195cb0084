// What the tests of process/ share: the fake server's path, launches of it, a scratch folder.
#pragma once

#include <chrono>
#include <climits>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/proc.h"
#include "process/port.h"
#include "process/server_process.h"
#include "unit/eventually.h"
#include "unit/process/log_file.h"
#include "unit/temporary_directory.h"

namespace coldload::process::testing {

inline std::string build_folder() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string self(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  const std::string unit = self.substr(0, self.rfind('/'));  // <build>/tests/unit
  return unit.substr(0, unit.rfind("/tests/"));
}

inline std::string fake_server() { return build_folder() + "/tests/fakes/fake_server"; }

// One launch with a log and a port of its own.
struct Launch {
  TemporaryDirectory scratch{"coldload-serve"};
  ReservedPort reserved = reserve_free_port();
  std::uint16_t port = reserved.number();
  LaunchOptions options;

  // The fake server with further arguments.
  explicit Launch(const std::vector<std::string>& arguments) {
    command({fake_server(), "--port", std::to_string(port)});
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  }
  Launch() : Launch(std::vector<std::string>{}) {}

  void command(const std::vector<std::string>& argv) {
    options.argv = argv;
    options.guard = {build_folder() + "/coldload", "guard"};
    log_to(scratch.path() + "/server.log");
    options.ready_url = "http://127.0.0.1:" + std::to_string(port) + "/health";
    options.timeout = std::chrono::seconds(60);
  }
  void log_to(const std::string& path) { options.log = log_at(path); }
  std::string file(const std::string& name) const { return scratch.path() + "/" + name; }
};

// Our descendants, dead ones too: a launch must leave none.
inline std::vector<std::string> descendants_left() {
  std::vector<std::string> left;
  for (const os::ProcessInfo& info : os::descendants(::getpid())) {
    left.push_back(std::to_string(info.pid) + " " + info.state + " below " +
                   std::to_string(info.parent) + ": " + os::command_line(info.pid));
  }
  return left;
}

// For tests that run once for each way to behave before being ready.
inline std::string parameter_name(const ::testing::TestParamInfo<const char*>& parameter) {
  const std::string name = parameter.param;
  return name == "503" ? "status_503" : name;
}

}  // namespace coldload::process::testing
