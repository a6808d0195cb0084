#include "os/error.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "os/own_limits.h"

namespace coldload::os {

namespace {

std::string explained(int error_number) {
  return error_text(error_number) + own_limits_text(error_number);
}

}  // namespace

std::string error_text(int error_number) { return std::generic_category().message(error_number); }

SystemError::SystemError(const std::string& operation, const std::string& path, int error_number)
    : Error(path.empty()
                ? fmt::format("cannot {}: {}", operation, explained(error_number))
                : fmt::format("cannot {} {}: {}", operation, path, explained(error_number))),
      code_(error_number) {}

bool SystemError::is_shortage() const {
  switch (code_) {
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return true;
    default:
      return false;
  }
}

SystemError SystemError::of_start(const std::string& program, int error_number) {
  return {error_number, fmt::format("cannot start {}: {}{}", program, explained(error_number),
                                    error_number == EAGAIN ? suspected_process_limit() : "")};
}

}  // namespace coldload::os
