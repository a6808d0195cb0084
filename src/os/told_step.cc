#include "os/told_step.h"

#include <utility>

namespace coldload::os {

namespace {

std::function<void(const std::string&)>& step_listener() {
  static std::function<void(const std::string&)> listener;
  return listener;
}

}  // namespace

void about_to(const char* action, const std::string& path) {
  const auto& listener = step_listener();
  if (listener) listener(std::string(action) + ' ' + path);
}

void pass_on_step(const std::string& step) {
  const auto& listener = step_listener();
  if (listener) listener(step);
}

void tell_steps_to(std::function<void(const std::string&)> listener) {
  step_listener() = std::move(listener);
}

}  // namespace coldload::os
