// Standard input, output and error: there, or made so.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <string>

namespace coldload::os {

// Where one of the three was closed at the start (`coldload >&-`), the next file to be opened would
// get its number, and what is printed would go into that file. So the missing ones are opened:
// input has nothing to read, output cannot be written, and what goes to error is lost. Call first
// of all. Ends the process where that cannot be done.
void open_missing_streams() noexcept;

// Whether `path` names what standard output is open on: /dev/stdout, or the file it was sent to.
[[nodiscard]] bool is_standard_output(const std::string& path);

// Writes out what was printed. Throws os::SystemError where some of it, now or earlier, could not
// be written; where nobody reads any more, that is none.
void finish_standard_output();

}  // namespace coldload::os
