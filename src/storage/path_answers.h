// Whether what is behind paths answers at all, asked so that nobody is held who cannot be ended.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <string>
#include <vector>

namespace coldload::storage {

// Has a child open all of them, so that a mount that hangs is met by nobody who cannot be ended. An
// interrupt ends it early; throws os::Error where one cannot be opened, or not within a minute.
void require_answers(const std::vector<std::string>& paths);

}  // namespace coldload::storage
