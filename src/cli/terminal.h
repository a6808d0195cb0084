// How wide the terminal is, and texts that are wrapped to it.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace coldload::cli {

enum class Stream { out, err };

// Columns of the terminal that the stream is, as it is now; 80 where it does not tell. Nothing
// where it is no terminal.
[[nodiscard]] std::optional<std::size_t> terminal_width(Stream stream);

// `lines` for that stream: on a terminal what is wider is wrapped at blanks, the rest of it
// indented by `indent`. Elsewhere as they are.
[[nodiscard]] std::string wrapped_for(Stream stream, std::string_view lines, std::size_t indent);

}  // namespace coldload::cli
