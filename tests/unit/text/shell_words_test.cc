#include "text/shell_words.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "text/escape.h"

namespace coldload::text {
namespace {

using Words = std::vector<std::string>;

TEST(ShellWords, AreSplitAtBlanksAndQuotedAsAShellDoes) {
  EXPECT_EQ(split_shell_words("vllm serve {model}  --port\t{port}\n"),
            (Words{"vllm", "serve", "{model}", "--port", "{port}"}));
  EXPECT_EQ(split_shell_words(R"(a 'b  c' "d \"e\" \n" x'y'"z" '' \ \\)"),
            (Words{"a", "b  c", R"(d "e" \n)", "xyz", "", " \\"}));
  EXPECT_EQ(split_shell_words(R"(--config '{"a": 1, "$b": "`c`"}')"),
            (Words{"--config", R"({"a": 1, "$b": "`c`"})"}));
  EXPECT_EQ(split_shell_words("a \\\n b"), (Words{"a", "b"}));
  EXPECT_EQ(split_shell_words("  "), Words{});
}

TEST(ShellWords, WhatWasWrittenForAShellIsReadBack) {
  const Words words{"", "it's", "a\"b", "$x", "`y`", "\\", "a  b", "{model}", "--f=a=b", "ä"};
  EXPECT_EQ(split_shell_words(shell_line(words)), words);
}

TEST(ShellWords, WhatAShellWouldNotTakeLiterallyIsRefused) {
  for (const char* line : {"a 'b", "a \"b", "a \\", "a $HOME", "a \"$HOME\"", "a `b`", "a && b",
                           "a > b", "a; b", "a | b", "(a)"}) {
    EXPECT_THROW((void)split_shell_words(line), std::invalid_argument) << line;
  }
}

}  // namespace
}  // namespace coldload::text
