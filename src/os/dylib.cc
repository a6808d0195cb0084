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

Symbol Dylib::symbol_if_any(const char* name) const noexcept {
  return {handle_ == nullptr ? nullptr : ::dlsym(handle_, name)};
}

Symbol Dylib::symbol(const char* name) const {
  const Symbol found = symbol_if_any(name);
  if (found.address == nullptr) throw Error(fmt::format("{} has no symbol {}", name_, name));
  return found;
}

}  // namespace coldload::os
