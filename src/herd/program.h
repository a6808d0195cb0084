// coldload-mpi from argv to an exit code: MPI's begin and end around one command.
//
// Layer: herd. No measurement and no rule is decided here.
#pragma once

namespace coldload::herd {

// What it launches on its node (a guard, coldload's own loader) is this program, too, as a command
// of coldload's: those begin with a name, a herd's command line with a flag.
int run_command_line(int argc, char** argv);

}  // namespace coldload::herd
