// A server's output as lines: without ANSI sequences, cut, and stamped byte by byte.
//
// Lines end at LF or CR, as progress bars redraw theirs with CR. Of a line of any length the first
// 4 KiB are kept; one that never ends costs no more. What a progress bar left standing on a line is
// followed there by the next message, so a stamp belongs to a place in the line, not to the line.
//
// Layer: process. Knows nothing of what the lines mean.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/clock.h"

namespace coldload::process {

inline constexpr std::size_t k_longest_log_line = 4096;  // bytes

// Knows which characters of a text belong to an ANSI sequence, one after the other.
class EscapeSkipper {
 public:
  bool skips(char next);
  // Within a sequence.
  [[nodiscard]] bool is_inside() const { return place_ != Place::none; }

 private:
  enum class Place { none, begun, control, text, text_ends };
  Place place_ = Place::none;
};

class LogLine {
 public:
  [[nodiscard]] std::string_view text() const { return text_; }
  // When the byte at `offset` of text() was received; of the last byte for any offset behind it.
  [[nodiscard]] os::TimePoint received_at(std::size_t offset) const;

 private:
  friend class LogLines;
  std::string text_;
  // Where in text_ a piece of output begins, and its stamp; the first at 0.
  std::vector<std::pair<std::size_t, os::TimePoint>> pieces_;
};

class LogLines {
 public:
  // `on_line` gets every line that is not empty; the line is valid during the call.
  explicit LogLines(std::function<void(const LogLine&)> on_line) : on_line_(std::move(on_line)) {}

  // The next piece of output, cut anywhere.
  void feed(os::TimePoint received, std::string_view piece);
  // Passes on the line that has no end yet.
  void finish();
  // Whether the next piece begins a line.
  [[nodiscard]] bool at_line_start() const { return line_.pieces_.empty(); }

 private:
  void append(os::TimePoint received, std::string_view part);

  std::function<void(const LogLine&)> on_line_;
  LogLine line_;
  EscapeSkipper escape_;
};

}  // namespace coldload::process
