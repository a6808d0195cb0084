// Puts the fake NVML of tests/fakes in the real one's place, for the rest of this process.
#pragma once

#include <climits>
#include <string>

#include <dlfcn.h>
#include <unistd.h>

namespace coldload::gpu {

// Whether it is there. What dlopen(3) finds under a name that is loaded already is what is loaded.
inline bool load_fake_nvml() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string self(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  const std::string build = self.substr(0, self.rfind("/tests/unit/"));
  return ::dlopen((build + "/tests/fakes/libnvidia-ml.so.1").c_str(), RTLD_NOW | RTLD_LOCAL) !=
         nullptr;
}

}  // namespace coldload::gpu
