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

// A symbol's address: taken for a pointer to whatever function its user knows it to be.
struct Symbol {
  void* address = nullptr;
  template <typename Function>
  operator Function*() const {
    return reinterpret_cast<Function*>(address);
  }
};

// Owns one dlopen handle. Closing is left to process exit: drivers do not survive dlclose.
class Dylib {
 public:
  // Tries `name` as dlopen(3) does. Never throws; see availability().
  explicit Dylib(const std::string& name);

  [[nodiscard]] const Availability& availability() const { return availability_; }
  // Throws Error that names library and symbol where it is missing.
  [[nodiscard]] Symbol symbol(const char* name) const;
  // The same; null where it is missing.
  [[nodiscard]] Symbol symbol_if_any(const char* name) const noexcept;

 private:
  std::string name_;
  void* handle_ = nullptr;
  Availability availability_;
};

}  // namespace coldload::os
