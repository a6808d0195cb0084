// A question that may never be answered, such as one to a mount that hangs: a child of ours asks.
// A thread would not do, as one that hangs in the kernel holds up the end of its process, too.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "os/clock.h"

namespace coldload::os {

// What `question` returns in a child process, which has no descriptors of ours; nothing where
// `deadline` or an interrupt comes first: the child is then killed and, where it has not ended at
// once, left to whoever reaps orphans. Throws os::Error with the text of what `question` throws,
// and SystemError where no child can be had. Takes no answer above 64 MiB: that is an error. To be
// called before other threads start: the child is a copy of its caller alone.
[[nodiscard]] std::optional<std::string> answer_of_child(
    const std::function<std::string()>& question, TimePoint deadline);

// In the child: what it is about to do ("read /mnt/x"), and how far it has come.
using Tell = std::function<void(const std::string& step, std::uint64_t bytes)>;

// Of a child that tells: called here, with what it told last.
using OnTold = std::function<void(std::uint64_t bytes)>;

// The same for what may take as long as it goes on: the child tells each step before it, also those
// that pass os::about_to (told_step.h): each file that it looks at, opens or reads. Throws
// os::Error, "cannot read /mnt/x: no answer for 60.0 s; ...", where nothing was told for
// `patience`. Nothing where an interrupt comes first.
[[nodiscard]] std::optional<std::string> answer_of_telling_child(
    const std::function<std::string(const Tell&)>& question, const OnTold& on_told = {},
    Clock::duration patience = std::chrono::seconds(60));

}  // namespace coldload::os
