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

// A system call that failed. what() reads "cannot <operation> <path>: <strerror>"; where memory is
// out, with this process's own limits on it.
class SystemError : public Error {
 public:
  SystemError(const std::string& operation, const std::string& path, int error_number);

  [[nodiscard]] int code() const { return code_; }

 private:
  int code_;
};

// strerror, thread-safe.
[[nodiscard]] std::string error_text(int error_number);

}  // namespace coldload::os
