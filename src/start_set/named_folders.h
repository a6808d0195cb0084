// What the words and variables of a process tell of where its code lies: a server of Python alone
// maps none of its packages.
//
// Layer: start_set. Knows nothing of model formats or experiments.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "start_set/mapped_folders.h"

namespace coldload::start_set {

// As /proc has them of one process.
struct ProcessWords {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=VALUE
  std::string folder;                    // where it works
  std::string program;                   // what it runs, links followed
};
// As far as we may look.
[[nodiscard]] ProcessWords words_of(pid_t process);

// What such words name, there now, with the links of its folders followed.
struct Named {
  std::vector<std::string> files;  // each word after the first that names a regular one
  // DIR/lib/python3* for a program DIR/bin/X; the folders of scripts (*.py) and those of
  // $PYTHONPATH, for the code below them. The root alone is none.
  std::vector<Folder> folders;
};
// Adds them, of folders those that are not there yet. Looks at files, which a mount that hangs
// holds up.
void add_named_by(const ProcessWords& words, Named* named);

}  // namespace coldload::start_set
