#include "cli/live_line.h"

#include "cli/console.h"
#include "cli/terminal.h"
#include "text/fitted.h"

namespace coldload::cli {

LiveLine::LiveLine() : terminal_(terminal_width(Stream::err).has_value()) {}

std::size_t LiveLine::width() {
  constexpr std::size_t k_usual = 80;
  return terminal_width(Stream::err).value_or(k_usual) - 1;
}

void LiveLine::draw(const std::string& text) {
  if (!terminal_) return;
  print_err("\r\033[K{}", text::cut_to(text, width()));
  shown_ = !text.empty();
}

void LiveLine::clear() {
  if (shown_) draw("");
}

}  // namespace coldload::cli
