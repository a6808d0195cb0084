#include "process/log_pump.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace coldload::process {

namespace {

constexpr std::size_t k_buffer_bytes = 256 << 10;
constexpr int k_pipe_bytes = 1 << 20;

// To our stderr in pieces that a pipe or terminal takes whole once it is writable. A terminal that
// does not keep up (or was stopped) loses text; the server does not wait for it.
void echo(std::string_view text) {
  constexpr std::size_t k_piece_bytes = 4096;  // PIPE_BUF
  constexpr int k_patience_ms = 10;
  while (!text.empty()) {
    pollfd entry{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&entry, 1, k_patience_ms) != 1 || (entry.revents & POLLOUT) == 0) return;
    const ssize_t put = ::write(STDERR_FILENO, text.data(), std::min(text.size(), k_piece_bytes));
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace

LogPump::LogPump(LogPumpOptions options)
    : options_(std::move(options)),
      log_(options_.log, options_.limit_bytes),
      pipe_(os::make_pipe()),
      stop_(os::make_pipe()),
      redactor_(options_.secrets) {
  const int read_end = pipe_.read_end.get();
  ::fcntl(read_end, F_SETFL, ::fcntl(read_end, F_GETFL) | O_NONBLOCK);
  ::fcntl(read_end, F_SETPIPE_SZ, k_pipe_bytes);  // refused beyond a user's share: then 64 KiB
  thread_ = std::thread([this] { run(); });
}

LogPump::~LogPump() { finish(); }

void LogPump::check() {
  const std::lock_guard lock(failure_mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

void LogPump::finish() noexcept {
  if (!thread_.joinable()) return;
  pipe_.write_end.reset();
  [[maybe_unused]] const auto put = ::write(stop_.write_end.get(), "", 1);
  thread_.join();
}

void LogPump::note_failure() noexcept {
  const std::lock_guard lock(failure_mutex_);
  if (!failure_) failure_ = std::current_exception();
}

void LogPump::run() {
  try {
    std::vector<char> buffer(k_buffer_bytes);
    take(buffer);
    pass_on(os::Clock::now(), redactor_.flush());
    log_.finish();
  } catch (...) {
    note_failure();  // out of memory
  }
}

// Reads until nobody can write any more, or until told to stop.
void LogPump::take(std::vector<char>& buffer) {
  bool stopping = false;
  std::size_t left_bytes = k_pipe_bytes;  // what the pipe can hold when we are told to stop
  while (true) {
    const ssize_t got = ::read(pipe_.read_end.get(), buffer.data(), buffer.size());
    if (got > 0) {
      const auto count = static_cast<std::size_t>(got);
      const os::TimePoint received = os::Clock::now();
      bytes_ += count;
      pass_on(received, redactor_.feed(std::string_view(buffer.data(), count)));
      if (!stopping) continue;
      left_bytes -= std::min(left_bytes, count);
      if (left_bytes == 0) return;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || errno != EAGAIN || stopping) return;
    pollfd entries[2] = {{pipe_.read_end.get(), POLLIN, 0}, {stop_.read_end.get(), POLLIN, 0}};
    (void)os::poll_until(entries, std::nullopt);
    stopping = entries[1].revents != 0;
  }
}

void LogPump::pass_on(os::TimePoint received, std::string_view text) {
  if (text.empty()) return;
  try {
    log_.write(text);
  } catch (...) {
    note_failure();  // out of memory
  }
  if (options_.on_output && !callback_failed_) {
    try {
      options_.on_output(received, text);
    } catch (...) {
      callback_failed_ = true;
      note_failure();
    }
  }
  if (options_.echo) echo(text);
}

}  // namespace coldload::process
