// The file that `coldload run` leaves its figures in, for programs.
//
// Layer: cli. No measurement and no rule is decided here.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "run/figures.h"

namespace coldload::cli {

// Written by a thread of its own, so that a file system that hangs holds up no server.
class FiguresFile {
 public:
  // `path`: Prometheus' text where it ends in .prom, else JSON. Empty: nothing is written.
  explicit FiguresFile(std::string path);
  // Waits a second for what is being written.
  ~FiguresFile();
  FiguresFile(const FiguresFile&) = delete;
  FiguresFile& operator=(const FiguresFile&) = delete;

  // Replaces the file as a whole, soon. What cannot be written is said on standard error.
  void put(const run::StartFigures& figures);

 private:
  struct Shared;  // the thread's, too
  const std::shared_ptr<Shared> shared_;
};

}  // namespace coldload::cli
