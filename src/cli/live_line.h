// One line on stderr that is drawn anew again and again, where that is a terminal.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>

#include <unistd.h>

#include "cli/console.h"

namespace coldload::cli {

// Elsewhere it shows nothing. A terminal that is gone is no reason to fail.
class LiveLine {
 public:
  LiveLine() = default;
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  [[nodiscard]] bool on_terminal() const { return terminal_; }
  void draw(const std::string& text) {
    if (!terminal_) return;
    print_err("\r\033[K{}", text);
    shown_ = !text.empty();
  }
  void clear() {
    if (shown_) draw("");
  }

 private:
  const bool terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
};

}  // namespace coldload::cli
