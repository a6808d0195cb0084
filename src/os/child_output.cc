#include "os/child_output.h"

#include <array>
#include <cstddef>

#include <poll.h>

#include "os/interrupt.h"

namespace coldload::os {

bool wait_for_output(const Fd& pipe, TimePoint deadline) {
  std::array<pollfd, 2> entries{{{pipe.get(), POLLIN, 0}, {interrupt_fd(), POLLIN, 0}}};
  return poll_until(entries, deadline) && !interrupted();
}

std::string read_line(const Fd& pipe, TimePoint deadline) {
  constexpr std::size_t k_longest_line = 1 << 20;
  std::string text;
  while (text.find('\n') == std::string::npos && text.size() < k_longest_line) {
    if (!wait_for_output(pipe, deadline) || !read_some(pipe, &text)) break;
  }
  return text.substr(0, text.find('\n'));
}

std::vector<std::string> take_lines(std::string* text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = text->find('\n'); end != std::string::npos;
       end = text->find('\n', begin)) {
    lines.push_back(text->substr(begin, end - begin));
    begin = end + 1;
  }
  text->erase(0, begin);
  return lines;
}

}  // namespace coldload::os
