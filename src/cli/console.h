// What coldload shows: the one place of the house that writes to standard output and to standard
// error.
//
// Much of what is shown was chosen by others: names of files, processes and tensors, targets of
// links, what a server said. The text of a format is ours; each text that is put into it is cleaned
// here, so that no caller has to remember it: it cannot steer a terminal, hide, turn the writing
// direction or begin a line of its own. Escape sequences of ours stand in formats. A server's own
// log (process/log_pump) and what one coldload tells another through a pipe do not pass here.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "os/standard_streams.h"
#include "text/escape.h"

namespace coldload::cli {

// A text of several lines that were put together from cleaned parts: its line ends stay. Whatever
// else could steer a terminal is replaced all the same.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text::without_steering(text)) {}
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

namespace shown {

inline std::string clean(std::string_view text) { return text::one_line(text); }
inline const std::string& clean(const Lines& lines) { return lines.text(); }
template <typename Number>
requires std::is_arithmetic_v<Number> Number clean(Number number) { return number; }

// The formats of texts whose arguments are cleaned. Of other types there is no clean().
template <typename... Args>
using Format = fmt::format_string<std::decay_t<decltype(clean(std::declval<const Args&>()))>...>;

template <typename... Args>
std::string text(Format<Args...> format, const Args&... args) {
  return fmt::format(format, std::decay_t<decltype(clean(args))>(clean(args))...);
}

}  // namespace shown

// Prints to standard output. What cannot be written is told once, when all is done
// (os::finish_standard_output).
template <typename... Args>
void print_out(shown::Format<Args...> format, const Args&... args) {
  os::write_standard_output(shown::text(format, args...));
}

// Prints to standard error, at once. A terminal that is gone is no reason to fail.
template <typename... Args>
void print_err(shown::Format<Args...> format, const Args&... args) {
  os::write_standard_error(shown::text(format, args...));
}

// The same, but where nobody takes it just now it is dropped: it never waits.
template <typename... Args>
void print_err_if_taken(shown::Format<Args...> format, const Args&... args) {
  os::write_standard_error_if_taken(shown::text(format, args...));
}

}  // namespace coldload::cli
