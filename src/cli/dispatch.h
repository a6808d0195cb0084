// From argv to an exit code: the command table, help, and the one top-level catch.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace coldload::cli {

// Exit codes: 0 done, 1 a trial or the job failed, 2 usage, 3 measured but not verifiably cold,
// 130 interrupted.
int run_command_line(int argc, char** argv);

// Runs `program` as that: with the interrupt handler, and whatever it throws told. `help_of`: what
// a person is told to look at after wrong use of these words.
int run_program(const std::vector<std::string>& args,
                const std::function<int(const std::vector<std::string>&)>& program,
                const std::function<std::string(const std::vector<std::string>&)>& help_of);

}  // namespace coldload::cli
