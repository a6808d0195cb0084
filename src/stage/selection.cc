#include "stage/selection.h"

#include <algorithm>

#include <fnmatch.h>

namespace coldload::stage {

namespace {

bool matches(const std::vector<std::string>& globs, std::string_view name) {
  const std::string text(name);
  return std::any_of(globs.begin(), globs.end(), [&](std::string glob) {
    if (glob.ends_with('/')) glob += '*';
    return ::fnmatch(glob.c_str(), text.c_str(), FNM_NOESCAPE) == 0;
  });
}

bool names(const std::vector<std::string>& entries, const std::string& name) {
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    return entry.ends_with('/') ? (name + '/').starts_with(entry) : name == entry;
  });
}

}  // namespace

bool Selection::takes(std::string_view name) const {
  if (!only.empty() && std::find(only.begin(), only.end(), name) == only.end()) return false;
  if (names(leave_out, std::string(name))) return false;
  return (include.empty() || matches(include, name)) && !matches(exclude, name);
}

bool Selection::may_enter(std::string_view name) const {
  return only.empty() && !names(leave_out, std::string(name)) &&
         !matches(exclude, std::string(name) + '/');
}

}  // namespace coldload::stage
