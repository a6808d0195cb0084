#include "cli/what_if_flag.h"

#include <string_view>
#include <vector>

#include <boost/algorithm/string/split.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/values.h"
#include "text/units.h"

namespace coldload::cli {

namespace {

constexpr std::uint64_t k_most_nodes = 1'000'000;

// Whether `part` is a member's, and is read.
bool take(std::string_view part, WhatIf* asked) {
  const std::size_t equals = part.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = part.substr(0, equals);
  const std::string_view value = part.substr(equals + 1);
  if (name == "rate" && !asked->rate_bytes_per_s) {
    return (asked->rate_bytes_per_s = text::parse_rate(value)).has_value();
  }
  if (name == "nodes" && !asked->nodes)
    return (asked->nodes = parse_count(value, k_most_nodes)).has_value();
  if (name == "server" && !asked->server_bytes_per_s) {
    return (asked->server_bytes_per_s = text::parse_rate(value)).has_value();
  }
  return false;
}

}  // namespace

std::optional<WhatIf> parse_what_if(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::vector<std::string> parts;
  boost::algorithm::split(parts, text, [](char c) { return c == ','; });
  WhatIf asked;
  bool is_read = true;
  for (const std::string& part : parts) is_read = is_read && take(part, &asked);
  const bool is_one_question = asked.rate_bytes_per_s.has_value() != asked.nodes.has_value() &&
                               (asked.nodes || !asked.server_bytes_per_s);
  if (is_read && is_one_question) return asked;
  throw UsageError(fmt::format(
      "--what-if {}: it reads rate=RATE, as in rate=5GB/s, or nodes=N, as in nodes=64 or "
      "nodes=64,server=10GB/s",
      text));
}

}  // namespace coldload::cli
