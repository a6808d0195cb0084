#include "load/fallbacks.h"

#include <algorithm>

#include <fmt/format.h>

namespace coldload::load {

void Fallbacks::add(const std::string& reason, const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.reason == reason; });
  if (known != entries_.end()) {
    ++known->count;
  } else {
    entries_.push_back({reason, path, 1});
  }
}

std::vector<std::string> Fallbacks::texts() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> result;
  for (const Entry& entry : entries_) {
    std::string text = entry.reason;
    if (!entry.first_path.empty()) {
      text += fmt::format(": {}", entry.first_path);
      if (entry.count > 1) text += fmt::format(" and {} more", entry.count - 1);
    }
    result.push_back(std::move(text));
  }
  return result;
}

}  // namespace coldload::load
