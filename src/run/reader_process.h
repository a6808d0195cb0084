// A process that reads a model's files ahead of a server, or copies them: started, listened to,
// ended. It is a process of its own so that a mount that hangs holds up nobody else, and so that
// nothing of it is left when it has ended.
//
// Layer: run. Knows nothing of what is read, nor how. Not thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "os/subprocess.h"
#include "run/reader_news.h"

namespace coldload::run {

class ReaderProcess {
 public:
  // Starts `command`, whose stdout is its news, in a session of its own. Throws os::SystemError.
  explicit ReaderProcess(const std::vector<std::string>& command);
  // Kills what still runs, without waiting for it.
  ~ReaderProcess();
  ReaderProcess(const ReaderProcess&) = delete;
  ReaderProcess& operator=(const ReaderProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  // Polls readable when there is news; -1 after the last.
  [[nodiscard]] int fd() const { return output_.get(); }
  // What has come; does not wait.
  [[nodiscard]] std::vector<ReaderNews> take();

  // Asks it to end, which it confirms by its last news.
  void stop() const noexcept;
  void kill() const noexcept;
  // Reaps it if it has ended; whether it did so just now.
  bool reap() { return !std::exchange(reaped_, process_.try_wait().has_value()) && reaped_; }

 private:
  bool reaped_ = false;
  os::Fd output_;
  os::Subprocess process_;
  std::string partial_;
};

}  // namespace coldload::run
