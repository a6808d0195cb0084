// Shared libraries opened at run time, and why one is absent.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <string>

namespace coldload::os {

// Whether an optional part works here; `reason` says why not, in words for the user.
struct Availability {
  bool ok = false;
  std::string reason;
};

// Owns one dlopen handle. Closing is left to process exit: drivers do not survive dlclose.
class Dylib {
 public:
  // Tries `name` as dlopen(3) does. Never throws; see availability().
  explicit Dylib(const std::string& name);

  [[nodiscard]] const Availability& availability() const { return availability_; }
  // The symbol's address; throws Error that names library and symbol where it is missing.
  [[nodiscard]] void* symbol(const char* name) const;
  // The same; null where it is missing.
  [[nodiscard]] void* symbol_if_any(const char* name) const noexcept;

 private:
  std::string name_;
  void* handle_ = nullptr;
  Availability availability_;
};

}  // namespace coldload::os
