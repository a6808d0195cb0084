// Standard input, output and error: there, or made so, and written.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <string>
#include <string_view>

namespace coldload::os {

// Where one of the three was closed at the start (`coldload >&-`), the next file to be opened would
// get its number, and what is printed would go into that file. So the missing ones are opened:
// input has nothing to read, output cannot be written, and what goes to error is lost. Call first
// of all. Ends the process where that cannot be done.
void open_missing_streams() noexcept;

// Whether `path` names what standard output is open on: /dev/stdout, or the file it was sent to.
[[nodiscard]] bool is_standard_output(const std::string& path);

// The raw streams. A text for people or programs is printed through cli/console.h, which cleans it.
// Output is kept for finish_standard_output(); what is for error is written at once, and lost where
// that cannot be done.
void write_standard_output(std::string_view text);
void write_standard_error(std::string_view text) noexcept;
// The same, but never waits: what is not taken at once is lost.
void write_standard_error_if_taken(std::string_view text) noexcept;

// Writes out what was printed. Throws os::SystemError, with the cause of the first write that
// failed, where some of it could not be written; where nobody reads any more, that is none.
void finish_standard_output();

}  // namespace coldload::os
