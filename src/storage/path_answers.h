// Whether what is behind paths answers at all, asked so that nobody is held who cannot be ended.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <string>
#include <vector>

namespace coldload::storage {

// Has a child open all of them, so that a mount that hangs is met by nobody who cannot be ended.
// False where an interrupt came first: it is not known then whether they answer. Throws os::Error
// where one cannot be opened, or not within a minute.
[[nodiscard]] bool require_answers(const std::vector<std::string>& paths);

}  // namespace coldload::storage
