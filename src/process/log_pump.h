// A server's output on its way from a pipe to a log file, stamped as it arrives.
//
// One thread reads the pipe that is the server's stdout and stderr, so that each piece can be
// stamped on receipt and passed on. It keeps one buffer however much comes, and goes on reading
// when the log cannot be written: a server that waits for its reader would be measured wrongly.
// Credentials are taken out on the way: whoever reads what it passes on, the log too, sees none.
//
// Layer: process. Knows nothing of lines.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "os/clock.h"
#include "os/fd.h"
#include "process/bounded_log.h"
#include "text/redact.h"

namespace coldload::process {

// A piece of output, cut anywhere, with the instant at which it was received; what may be the
// beginning of a credential comes with the piece after it. Called on the pump's thread; the text is
// valid during the call only. It must be quick: the server waits meanwhile once the pipe is full.
using OnOutput = std::function<void(os::TimePoint, std::string_view)>;

struct LogPumpOptions {
  std::shared_ptr<const os::Fd> log;  // for writing
  bool echo = false;                  // also to our stderr, as far as that keeps up
  OnOutput on_output;                 // may be empty
  text::Redactor secrets = {};
  std::uint64_t limit_bytes = k_default_log_limit_bytes;  // of the log: see BoundedLog
};

class LogPump {
 public:
  // Starts the thread. Throws os::SystemError.
  explicit LogPump(LogPumpOptions options);
  ~LogPump();
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  // For the server's stdout and stderr. Close ours once it has its own.
  [[nodiscard]] int write_fd() const { return pipe_.write_end.get(); }
  void close_write_end() { pipe_.write_end.reset(); }

  // Throws what went wrong in the thread, once known: what on_output threw. A log that cannot be
  // written is no reason to stop: see log_problem().
  void check();
  // Takes what is in the pipe and ends the thread, even if somebody still holds the pipe open.
  // Never throws; check() says what went wrong.
  void finish() noexcept;

  // What the log lacks, in words, and why; empty where it is whole. After finish().
  [[nodiscard]] const std::string& log_problem() const { return log_.problem(); }

  // What the server wrote so far.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(); }

 private:
  void run();
  void take(std::vector<char>& buffer);
  void pass_on(os::TimePoint received, std::string_view text);
  void note_failure() noexcept;

  LogPumpOptions options_;
  BoundedLog log_;
  os::Pipe pipe_;
  os::Pipe stop_;  // readable when the thread is to end
  text::StreamRedactor redactor_;
  std::atomic<std::uint64_t> bytes_{0};
  bool callback_failed_ = false;  // the thread's own
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace coldload::process
