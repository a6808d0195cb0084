#include "stand_in/fuse_messages.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <utility>

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 312
#endif
#include <fuse_log.h>

namespace coldload::stand_in {

namespace {

struct Kept {
  std::mutex mutex;
  std::string last;
};

Kept& kept() {
  static Kept messages;
  return messages;
}

void keep(fuse_log_level /*level*/, const char* format, va_list arguments) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string message = text.data();
  while (!message.empty() && message.back() == '\n') message.pop_back();
  if (message.empty()) return;
  const std::lock_guard lock(kept().mutex);
  kept().last = std::move(message);
}

}  // namespace

void keep_fuse_messages() {
  fuse_set_log_func(keep);
  const std::lock_guard lock(kept().mutex);
  kept().last.clear();
}

std::string last_fuse_message() {
  const std::lock_guard lock(kept().mutex);
  return kept().last;
}

}  // namespace coldload::stand_in
