// A process that reads a model's files ahead of a server, or copies them: started, listened to,
// ended. It is a process of its own so that a mount that hangs holds up nobody else, and so that
// nothing of it is left when it has ended.
//
// Layer: run. Knows nothing of what is read, nor how. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "os/subprocess.h"

namespace coldload::run {

// One line of the reader.
struct ReaderNews {
  enum class Kind {
    found,     // the files are there
    has_copy,  // and a copy that is up to date is where one may be: that is to be served, and read
    copy_first,  // reading them would not help, but copying them may; `text` says why
    late,        // nothing so far; not said by the reader, but of it
    refused,     // they are not, or cannot be used; `text` says why
    useless,     // reading them would not help; `text` says why
    reading,     // `bytes` are not in memory and will be read; `text` says why no more
    done,        // `bytes` came in `seconds`; `text` says what went wrong, if anything did
    copying,     // `bytes` so far, now and then while it goes on
    copied,      // `bytes` in `seconds`: the copy is there; `text`: what else is to be said
    not_copied,  // `text` says why
  };
  Kind kind = Kind::found;
  std::uint64_t bytes = 0;
  bool at_most = false;  // some of `bytes` may have been in memory before: nobody could see
  double seconds = 0;
  std::string text;
};

// As one line, line feed included, and back; nothing for what is no such line.
[[nodiscard]] std::string to_line(const ReaderNews& news);
[[nodiscard]] std::optional<ReaderNews> parse_reader_line(std::string_view line);

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
