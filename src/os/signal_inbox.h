// Signals as messages, for a process that passes them on to another.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <optional>

#include "os/fd.h"

namespace coldload::os {

struct SignalArrival {
  int number = 0;
  // Ctrl-C and the like: the terminal sent it to every process of the foreground group.
  bool from_terminal = false;
};

// From now on, and for good, signals do nothing to this process but arrive here: all that can be
// passed on, and SIGCHLD. As they were stay those that mean a fault of ours, SIGKILL, SIGPIPE, and
// the stop signals, by which a shell suspends a job with all that is in it.
class SignalInbox {
 public:
  // Blocks them in the calling thread; call before any other thread starts. Throws SystemError.
  SignalInbox();

  // Polls readable when one has arrived.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Does not wait.
  [[nodiscard]] std::optional<SignalArrival> take();

 private:
  Fd fd_;
};

}  // namespace coldload::os
