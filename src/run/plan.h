// What `coldload run` starts and where it asks: the server's command with its placeholders
// replaced, the reader's command, the port and the ready URL.
//
// Layer: run. Reads no file but the server's configuration: a look at the model's path is the
// reader's, which may hang.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run/entrypoint.h"

namespace coldload::run {

struct RunRequest {
  std::vector<std::string> command;  // of the server, with placeholders
  std::string path;                  // the checkpoint
  std::string weights;               // which files are its weights, as a pattern; empty: guessed
  std::string copy;                  // where a copy of it may be, or be wanted; empty: nowhere
  std::string start_set;             // the file that it is in, or is to be in; empty: none
  std::uint16_t port = 0;            // 0: as the command says
  std::string ready_url;             // empty: as command and server say
  bool strict = false;               // what cannot be read or understood is an error
};

struct RunPlan {
  EntrypointOptions options;
  // Clients see the directory that is served as the model's name, which a copy changes.
  bool name_follows_directory = false;
  // Why nobody asks whether the server answers, and what to do; empty: it is asked.
  std::string why_not_asked;
  // What of the command cannot work as it is written: in words. It is started all the same.
  std::vector<std::string> remarks;
};

// Throws server::ArgvError for flags of ours that cannot be used with each other or the command.
[[nodiscard]] RunPlan plan_run(const RunRequest& request);

}  // namespace coldload::run
