#include "os/child_answer.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child_output.h"
#include "os/error.h"
#include "os/fd.h"

namespace coldload::os {

namespace {

constexpr char k_answered = '+';
constexpr char k_failed = '!';

// Of ours, which others may wait to see closed, all but `kept`.
Fd keep_only(Fd kept) {
  if (::dup2(kept.get(), STDIN_FILENO) < 0) ::_exit(1);
  (void)kept.release();
  constexpr unsigned k_first = STDIN_FILENO + 1;
  if (::syscall(SYS_close_range, k_first, ~0U, 0) == 0) return {STDIN_FILENO, "pipe"};
  const auto limit = static_cast<int>(::sysconf(_SC_OPEN_MAX));
  for (int fd = k_first; fd < limit; ++fd) ::close(fd);
  return {STDIN_FILENO, "pipe"};
}

[[noreturn]] void answer(const std::function<std::string()>& question, Fd output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Fd pipe = keep_only(std::move(output));
  try {
    std::string text;
    try {
      text = k_answered + question();
    } catch (const std::exception& error) {
      text = k_failed + std::string(error.what());
    }
    write_full(pipe, text);
  } catch (...) {
    ::_exit(1);  // nobody listens
  }
  ::_exit(0);
}

}  // namespace

std::optional<std::string> answer_of_child(const std::function<std::string()>& question,
                                           TimePoint deadline) {
  Pipe pipe = make_pipe();
  const pid_t pid = ::fork();
  if (pid < 0) throw SystemError("start", "a child of ours", errno);
  if (pid == 0) answer(question, std::move(pipe.write_end));
  pipe.write_end.reset();
  std::string text;
  bool is_whole = false;
  while (!is_whole && wait_for_output(pipe.read_end, deadline)) {
    is_whole = !read_some(pipe.read_end, &text);
  }
  if (!is_whole) ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, is_whole ? 0 : WNOHANG) < 0 && errno == EINTR) {
  }
  if (!is_whole) return std::nullopt;
  if (text.empty()) throw Error("a child of ours ended before it had answered");
  if (text.front() == k_failed) throw Error(text.substr(1));
  return text.substr(1);
}

}  // namespace coldload::os
