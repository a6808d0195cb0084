#include "os/dylib.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "os/error.h"

namespace coldload::os {

Dylib::Dylib(const std::string& name)
    : name_(name), handle_(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ != nullptr) {
    availability_.ok = true;
    return;
  }
  const char* why = ::dlerror();
  availability_.reason = why != nullptr ? why : fmt::format("cannot open {}", name);
}

void* Dylib::symbol_if_any(const char* name) const noexcept {
  return handle_ == nullptr ? nullptr : ::dlsym(handle_, name);
}

void* Dylib::symbol(const char* name) const {
  void* address = symbol_if_any(name);
  if (address == nullptr) throw Error(fmt::format("{} has no symbol {}", name_, name));
  return address;
}

}  // namespace coldload::os
