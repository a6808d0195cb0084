// The one family of exceptions: "cannot do the job".
//
// A message names the operation, the object, the cause and, where there is
// one, the remedy. Answers that a caller branches on are values, not errors.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <stdexcept>
#include <string>

namespace coldload::os {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A system call that failed. what() reads "cannot <operation> <path>: <strerror>", with the limit
// of this process that is behind it, where one is (own_limits.h).
class SystemError : public Error {
 public:
  SystemError(const std::string& operation, const std::string& path, int error_number);

  [[nodiscard]] int code() const { return code_; }
  // Whether memory, descriptors, processes or room on a disk are out: asked for again when there
  // is more, the same may succeed.
  [[nodiscard]] bool is_shortage() const;

  // A process that could not be started: with the limit on processes, where that may be behind it.
  static SystemError of_start(const std::string& program, int error_number);

 private:
  SystemError(int error_number, const std::string& message) : Error(message), code_(error_number) {}

  int code_;
};

// strerror, thread-safe.
[[nodiscard]] std::string error_text(int error_number);

}  // namespace coldload::os
