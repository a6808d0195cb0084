#include "os/subprocess.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/descriptor_limit.h"
#include "os/error.h"
#include "os/interrupt.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): not in every unistd.h

namespace coldload::os {

namespace {

std::vector<std::string> merged_environment(const Environment& changes) {
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : own_environment()) values[key] = value;
  for (const auto& [key, value] : changes) values[key] = value;
  std::vector<std::string> merged;
  merged.reserve(values.size());
  for (const auto& [key, value] : values) merged.push_back(key + "=" + value);
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void run_child(const SpawnOptions& options, char* const* argv, char* const* envp,
                            int error_fd) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
  action.sa_handler = SIG_IGN;
  for (const int number : options.ignored_signals) ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  restore_descriptor_limit();
  if (options.new_session) ::setsid();
  bool ok = ::dup2(options.stdin_fd, STDIN_FILENO) >= 0;
  if (options.stdout_fd >= 0) ok = ok && ::dup2(options.stdout_fd, STDOUT_FILENO) >= 0;
  if (options.stderr_fd >= 0) ok = ok && ::dup2(options.stderr_fd, STDERR_FILENO) >= 0;
  for (const int fd : options.inherited_fds) ok = ok && ::fcntl(fd, F_SETFD, 0) == 0;
  const std::string& directory = options.working_directory;
  if (!directory.empty()) ok = ok && ::chdir(directory.c_str()) == 0;
  if (ok) ::execvpe(options.executable.c_str(), argv, envp);
  const int error_number = errno;
  [[maybe_unused]] const auto put = ::write(error_fd, &error_number, sizeof error_number);
  ::_exit(127);
}

// fork(2), into a cgroup where one is given. Born there, a child costs what it costs elsewhere; to
// move itself it would wait about 10 ms for all of the machine's forks and exits.
pid_t fork_into(int cgroup_fd) {
#ifdef CLONE_INTO_CGROUP
  if (cgroup_fd >= 0) {
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<unsigned>(cgroup_fd);
    // No handler of fork's runs, which is all the same to a child that goes straight to exec.
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid >= 0) return static_cast<pid_t>(pid);
  }
#endif
  return ::fork();
}

enum class ChildState {
  runs,
  ended,     // and waits to be reaped
  not_ours,  // or not any more: somebody else has reaped it
};

ChildState look_at_child(pid_t pid) {
  siginfo_t info{};
  const int result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  if (result != 0) return errno == EINTR ? ChildState::runs : ChildState::not_ours;
  return info.si_pid == pid ? ChildState::ended : ChildState::runs;
}

}  // namespace

Environment own_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

std::string ExitStatus::text() const {
  if (!known) return "an exit status that is not known";
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("killed by SIG{}", name != nullptr ? name : std::to_string(signal));
}

ExitStatus exit_status(int raw) {
  ExitStatus status;
  if (WIFEXITED(raw)) status.code = WEXITSTATUS(raw);
  if (WIFSIGNALED(raw)) status.signal = WTERMSIG(raw);
  return status;
}

Subprocess::Subprocess(SpawnOptions options) {
  if (options.argv.empty()) throw Error("cannot start a command: no command was given");
  if (options.executable.empty()) options.executable = options.argv[0];
  if (options.argv[0] == k_own_program) options.argv[0] = "coldload";
  for (const int number : signals_ignored_at_start()) {
    const bool is_jobs = number != SIGCHLD && number != SIGPIPE;
    if (is_jobs && !options.new_session) options.ignored_signals.push_back(number);
  }
  Fd null_input;
  if (options.stdin_fd < 0) {
    null_input = open_file("/dev/null", O_RDONLY);
    options.stdin_fd = null_input.get();
  }
  std::vector<std::string> environment = merged_environment(options.environment);
  const std::vector<char*> argv = pointers(options.argv);
  const std::vector<char*> envp = pointers(environment);
  Pipe error_pipe = make_pipe();
  launched_at_ = Clock::now();
  pid_ = fork_into(options.cgroup_fd);
  if (pid_ < 0) throw SystemError::of_start(argv[0], errno);
  if (pid_ == 0) run_child(options, argv.data(), envp.data(), error_pipe.write_end.get());
  error_pipe.write_end.reset();
  // The write end closes by itself when exec succeeds.
  int error_number = 0;
  ssize_t got = 0;
  do {
    got = ::read(error_pipe.read_end.get(), &error_number, sizeof error_number);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof error_number)) {
    ::waitpid(pid_, nullptr, 0);
    throw SystemError::of_start(argv[0], error_number);
  }
  // pidfd_open(2) through syscall: glibc's wrapper needs 2.36.
  pid_fd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd");
  if (pid_fd_.valid()) ::fcntl(pid_fd_.get(), F_SETFD, FD_CLOEXEC);
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      launched_at_(other.launched_at_),
      pid_fd_(std::move(other.pid_fd_)),
      status_(other.status_),
      detached_(other.detached_) {}

Subprocess::~Subprocess() {
  if (pid_ < 0 || status_ || detached_) return;
  send_signal(SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<ExitStatus> Subprocess::try_wait() {
  if (status_) return status_;
  int raw = 0;
  const pid_t got = ::waitpid(pid_, &raw, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
  // ECHILD: it was not left to us.
  status_ = got == pid_ ? exit_status(raw) : ExitStatus{EXIT_FAILURE, 0, false};
  return status_;
}

std::optional<ExitStatus> Subprocess::wait_until(TimePoint deadline) {
  return ended_by(deadline) ? try_wait() : std::nullopt;
}

bool Subprocess::ended_by(TimePoint deadline) const {
  while (!status_) {
    if (look_at_child(pid_) != ChildState::runs) return true;
    const TimePoint now = Clock::now();
    if (now >= deadline) return false;
    pollfd entry{pid_fd_.get(), POLLIN, 0};
    const auto step = std::chrono::milliseconds(pid_fd_.valid() ? 1000 : 5);
    (void)poll_until({&entry, 1}, std::min<TimePoint>(deadline, now + step));
  }
  return true;
}

ExitStatus Subprocess::wait() {
  while (true) {
    if (auto status = wait_until(Clock::now() + std::chrono::hours(1))) return *status;
  }
}

void Subprocess::send_signal(int number) const noexcept {
  if (pid_ <= 0 || status_) return;
  if (pid_fd_.valid()) {
    ::syscall(SYS_pidfd_send_signal, pid_fd_.get(), number, nullptr, 0);
  } else {
    ::kill(pid_, number);  // ours to reap: until then the number is its own
  }
}

void Subprocess::kill_group() const noexcept {
  // A group keeps its number while one of it is there, and its leader is until we reap it.
  if (pid_ > 0 && !status_ && look_at_child(pid_) != ChildState::not_ours) ::kill(-pid_, SIGKILL);
}

ExitStatus run_shell(const std::string& command, const Environment& environment) {
  SpawnOptions options;
  options.argv = {"sh", "-c", command};
  options.environment = environment;
  options.stdout_fd = STDERR_FILENO;
  return Subprocess(options).wait();
}

}  // namespace coldload::os
