// What was built: version, commit and compiler, written at build time by cmake/Version.cmake.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>

namespace coldload::cli {

struct BuildInfo {
  const char* version;
  const char* commit;
  const char* compiler;
  const char* build_type;
  const char* date;  // of the commit, as 2026-01-31; empty: unknown
};

extern const BuildInfo k_build_info;

// For --version: what was built, which optional parts work on this machine, and why not.
[[nodiscard]] std::string version_text();

}  // namespace coldload::cli
