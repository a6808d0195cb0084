// What a child prints into a pipe, taken as it comes.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <string>
#include <vector>

#include "os/clock.h"
#include "os/fd.h"

namespace coldload::os {

// Waits until there is something to read, or the end of it; false where `deadline` or an interrupt
// comes first.
[[nodiscard]] bool wait_for_output(const Fd& pipe, TimePoint deadline);

// The first line, without its line feed; what there is of it where the pipe ends, or where
// `deadline` or an interrupt comes first.
[[nodiscard]] std::string read_line(const Fd& pipe, TimePoint deadline);

// Takes the whole lines off the front of `text`; they are without their line feeds.
[[nodiscard]] std::vector<std::string> take_lines(std::string* text);

}  // namespace coldload::os
