// `report --what-if`: what is asked for.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coldload::cli {

struct WhatIf {
  std::optional<double> rate_bytes_per_s;    // of storage
  std::optional<std::uint64_t> nodes;        // that start at once
  std::optional<double> server_bytes_per_s;  // with `nodes`: what storage gives all of them
};

inline constexpr const char* k_what_if_forms = "rate=RATE|nodes=N[,server=RATE]";

// "rate=5GB/s", "nodes=64" or "nodes=64,server=10GB/s"; nothing for an empty text. Throws
// UsageError.
[[nodiscard]] std::optional<WhatIf> parse_what_if(const std::string& text);

}  // namespace coldload::cli
