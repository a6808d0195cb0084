#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "text/fitted.h"

namespace coldload::cli {

std::optional<std::size_t> terminal_width(Stream stream) {
  const int descriptor = stream == Stream::out ? STDOUT_FILENO : STDERR_FILENO;
  if (::isatty(descriptor) == 0) return std::nullopt;
  constexpr std::size_t k_usual = 80;
  winsize size{};
  const bool is_known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return is_known ? size.ws_col : k_usual;
}

std::string wrapped_for(Stream stream, std::string_view lines, std::size_t indent) {
  const auto width = terminal_width(stream);
  return width ? text::wrapped_lines(lines, indent, *width) : std::string(lines);
}

}  // namespace coldload::cli
