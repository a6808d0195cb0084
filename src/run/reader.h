// The reader process of `coldload run`, from within: what ReaderProcess starts.
//
// Layer: run. Knows nothing of servers.
#pragma once

#include <optional>
#include <string>

namespace coldload::run {

struct ReaderJob {
  std::string path;              // the checkpoint, as it was named
  bool reads_checkpoint = true;  // else only the start set is read
  std::string weights;           // which files are its weights, as a pattern; empty: guessed
  std::string copy;              // where a copy of it may be, or be wanted; empty: nowhere
  bool copies = false;           // makes the copy; else reads
  // The file of a start set, which is read, too; empty: none.
  std::string start_set = {};
  bool learns = false;  // watches the start instead, and writes that file
  // What the server takes its weights from where it is there; see
  // model::open_checkpoint_of_server().
  std::string preferred_weights = {};
  // Of the GPU's memory, the server's; nothing: not known.
  std::optional<double> memory_share = {};
};

// Does it, with its news on stdout, and ends the process; it ends with its parent at the latest.
[[noreturn]] void run_reader(const ReaderJob& job);

}  // namespace coldload::run
