#include "os/error.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "os/memory_limits.h"

namespace coldload::os {

namespace {

std::string explained(int error_number) {
  return error_text(error_number) + (error_number == ENOMEM ? memory_limits_text() : "");
}

}  // namespace

std::string error_text(int error_number) { return std::generic_category().message(error_number); }

SystemError::SystemError(const std::string& operation, const std::string& path, int error_number)
    : Error(path.empty()
                ? fmt::format("cannot {}: {}", operation, explained(error_number))
                : fmt::format("cannot {} {}: {}", operation, path, explained(error_number))),
      code_(error_number) {}

}  // namespace coldload::os
