// A file for a server's output, as the owner of a launch makes it.
#pragma once

#include <memory>
#include <string>

#include <fcntl.h>

#include "os/fd.h"

namespace coldload::process::testing {

inline std::shared_ptr<const os::Fd> log_at(const std::string& path) {
  return std::make_shared<const os::Fd>(os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
}

}  // namespace coldload::process::testing
