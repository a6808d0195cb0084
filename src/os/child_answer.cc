#include "os/child_answer.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <mutex>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child_output.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "os/kernel_text.h"
#include "os/told_step.h"

namespace coldload::os {

namespace {

// What goes through the pipe, each after a head of one line: its kind, its length, its bytes done.
constexpr char k_told = '~';
constexpr char k_answered = '+';
constexpr char k_failed = '!';

// An answer of 10,000 files has 3 MB: what is longer is a mistake, and would fill the memory.
constexpr std::size_t k_longest_message = std::size_t{64} << 20;

struct Message {
  char kind = k_told;
  std::uint64_t done_bytes = 0;
  std::string text;
};

std::string packed(const Message& message) {
  return fmt::format("{}{} {}\n{}", message.kind, message.text.size(), message.done_bytes,
                     message.text);
}

// Takes one off the front of what has come; nothing where it is not all there.
std::optional<Message> take_message(std::string* come) {
  const std::size_t head = come->find('\n');
  if (head == std::string::npos) return std::nullopt;
  std::string_view words(come->data() + 1, head - 1);
  const std::uint64_t length = number_of(next_word(&words)).value_or(0);
  if (come->size() - head - 1 < length) return std::nullopt;
  Message message{come->front(), number_of(next_word(&words)).value_or(0),
                  come->substr(head + 1, length)};
  come->erase(0, head + 1 + length);
  return message;
}

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

// Often enough for who watches, and rarely enough to cost nothing.
class Teller {
 public:
  explicit Teller(const Fd& pipe) : pipe_(pipe) {}
  // Without `bytes`: as many as were told last.
  void tell(const std::string& step, std::optional<std::uint64_t> bytes) {
    constexpr std::chrono::milliseconds k_pause{50};
    const std::scoped_lock lock(mutex_);
    bytes_ = bytes.value_or(bytes_);
    const TimePoint now = Clock::now();
    if (step == step_ && now < told_at_ + k_pause) return;
    step_ = step;
    told_at_ = now;
    write_full(pipe_, packed({k_told, bytes_, step}));
  }

 private:
  const Fd& pipe_;
  std::mutex mutex_;  // threads of the child tell, too
  std::string step_;
  std::uint64_t bytes_ = 0;
  TimePoint told_at_;
};

[[noreturn]] void answer(const std::function<std::string(const Tell&)>& question, Fd output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Fd pipe = keep_only(std::move(output));
  try {
    Teller teller(pipe);
    tell_steps_to([&teller](const std::string& step) { teller.tell(step, std::nullopt); });
    Message message;
    try {
      message = {k_answered, 0, question([&teller](const std::string& step, std::uint64_t bytes) {
                   teller.tell(step, bytes);
                 })};
    } catch (const std::exception& error) {
      message = {k_failed, 0, error.what()};
    }
    write_full(pipe, packed(message));
  } catch (...) {
    ::_exit(1);  // nobody listens
  }
  ::_exit(0);
}

// A child of ours that answers. Where it has not, it is killed, and reaped if it can be.
class AnsweringChild {
 public:
  explicit AnsweringChild(const std::function<std::string(const Tell&)>& question) {
    Pipe pipe = make_pipe();
    pid_ = ::fork();
    if (pid_ < 0) throw SystemError::of_start("a child of ours", errno);
    if (pid_ == 0) answer(question, std::move(pipe.write_end));
    pipe_ = std::move(pipe.read_end);
  }
  ~AnsweringChild() {
    if (!has_answered_) ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, has_answered_ ? 0 : WNOHANG) < 0 && errno == EINTR) {
    }
  }
  AnsweringChild(const AnsweringChild&) = delete;
  AnsweringChild& operator=(const AnsweringChild&) = delete;

  // The next message; nothing where `deadline` or an interrupt comes first. Throws what the
  // question threw.
  std::optional<Message> next(TimePoint deadline) {
    while (true) {
      if (auto message = take_message(&come_)) {
        has_answered_ = message->kind != k_told;
        if (message->kind == k_failed) throw Error(message->text);
        return message;
      }
      if (!wait_for_output(pipe_, deadline)) return std::nullopt;
      if (read_some(pipe_, &come_)) {
        if (come_.size() <= k_longest_message) continue;
        throw Error(
            fmt::format("cannot take the answer of a child of ours: it has more than {} MiB",
                        k_longest_message >> 20));
      }
      has_answered_ = true;  // it has ended: there is nothing to be killed
      throw Error("a child of ours ended before it had answered");
    }
  }

 private:
  pid_t pid_ = -1;
  Fd pipe_;
  std::string come_;
  bool has_answered_ = false;
};

}  // namespace

std::optional<std::string> answer_of_child(const std::function<std::string()>& question,
                                           TimePoint deadline) {
  AnsweringChild child([&question](const Tell&) { return question(); });
  auto message = child.next(deadline);
  while (message && message->kind == k_told) message = child.next(deadline);
  return message ? std::optional(message->text) : std::nullopt;
}

std::optional<std::string> answer_of_telling_child(
    const std::function<std::string(const Tell&)>& question, const OnTold& on_told,
    Clock::duration patience) {
  AnsweringChild child(question);
  std::string step = "begin";
  while (true) {
    const auto message = child.next(Clock::now() + patience);
    if (!message && interrupted()) return std::nullopt;
    if (!message) {
      throw Error(fmt::format("cannot {}: no answer for {:.1f} s; is the storage behind it alive?",
                              step, Seconds(patience).count()));
    }
    if (message->kind == k_answered) return message->text;
    step = message->text;
    if (on_told) on_told(message->done_bytes);
    pass_on_step(step);  // whoever waits for us waits for that
  }
}

}  // namespace coldload::os
