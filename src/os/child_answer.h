// A question that may never be answered, such as one to a mount that hangs: a child of ours asks.
// A thread would not do, as one that hangs in the kernel holds up the end of its process, too.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "os/clock.h"

namespace coldload::os {

// What `question` returns in a child process, which has no descriptors of ours; nothing where
// `deadline` or an interrupt comes first: the child is then killed and, where it has not ended at
// once, left to whoever reaps orphans. Throws os::Error with the text of what `question` throws,
// and SystemError where no child can be had. To be called before other threads start: the child is
// a copy of its caller alone.
[[nodiscard]] std::optional<std::string> answer_of_child(
    const std::function<std::string()>& question, TimePoint deadline);

}  // namespace coldload::os
