#include "os/error.h"

#include <system_error>

#include <fmt/format.h>

namespace coldload::os {

std::string error_text(int error_number) { return std::generic_category().message(error_number); }

SystemError::SystemError(const std::string& operation, const std::string& path, int error_number)
    : Error(path.empty()
                ? fmt::format("cannot {}: {}", operation, error_text(error_number))
                : fmt::format("cannot {} {}: {}", operation, path, error_text(error_number))),
      code_(error_number) {}

}  // namespace coldload::os
