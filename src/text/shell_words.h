// A command line as a shell would split it.
//
// Layer: text. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

// The words of a line, by POSIX's rules of quoting (Shell Command Language, 2.2): blanks part
// words; '...', "..." and \ take what they hold as it stands. Nothing is expanded. Throws
// std::invalid_argument, which says what is wrong, for a quote or \ that does not end, for a $ or
// ` that a shell would replace, and for its operators (| & ; < > and parentheses).
[[nodiscard]] std::vector<std::string> split_shell_words(std::string_view line);

}  // namespace coldload::text
