// Which version of a Python package a server's command would run.
//
// Layer: server. Starts nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/server_kind.h"

namespace coldload::server {

inline constexpr std::chrono::seconds k_version_patience{5};

// Asks the very interpreter that `argv` runs (behind the same wrappers: `uv run`, `numactl`; that
// of a console script is in its first line) for the installed distribution's version. Nothing where
// there is no such interpreter, it does not know, or takes longer than k_version_patience: then it
// is killed.
[[nodiscard]] std::optional<std::string> installed_version(const std::vector<std::string>& argv,
                                                           std::string_view package,
                                                           const Environment& environment);

}  // namespace coldload::server
