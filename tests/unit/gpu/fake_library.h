// Loads a shared library of tests/fakes before the code under test looks for the real one.
#pragma once

#include <climits>
#include <string>

#include <dlfcn.h>
#include <unistd.h>

namespace coldload::gpu {

// Whether it is there: `path` is relative to the folder of the fakes. What dlopen(3) finds under a
// name that is loaded already is what is loaded, for the rest of this process.
inline bool load_fake_library(const std::string& path) {
  char program[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", program, sizeof program);
  const std::string self(program, length > 0 ? static_cast<std::size_t>(length) : 0);
  const std::string build = self.substr(0, self.rfind("/tests/unit/"));
  return ::dlopen((build + "/tests/fakes/" + path).c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr;
}

}  // namespace coldload::gpu
