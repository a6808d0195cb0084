// One line on stderr that is drawn anew again and again, where that is a terminal.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <cstddef>
#include <string>

namespace coldload::cli {

// Elsewhere it shows nothing. A terminal that is gone is no reason to fail.
class LiveLine {
 public:
  LiveLine();
  ~LiveLine() { clear(); }
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  [[nodiscard]] bool on_terminal() const { return terminal_; }
  // How many characters a line may have, as the terminal is now: one that is full would wrap.
  [[nodiscard]] static std::size_t width();
  // What is longer than that is cut.
  void draw(const std::string& text);
  void clear();

 private:
  const bool terminal_;
  bool shown_ = false;
};

}  // namespace coldload::cli
