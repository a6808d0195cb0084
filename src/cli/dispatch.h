// From argv to an exit code: the command table, help, and the one top-level catch.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

namespace coldload::cli {

// Exit codes: 0 done, 1 a trial or the job failed, 2 usage, 3 measured but not verifiably cold,
// 130 interrupted.
int run_command_line(int argc, char** argv);

}  // namespace coldload::cli
