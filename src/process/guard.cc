#include "process/guard.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/proc.h"
#include "os/signal_inbox.h"
#include "process/process_tree.h"

namespace coldload::process {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds k_start_limit{60};  // of a guard, on a machine that is very busy
constexpr seconds k_release_limit{5};
constexpr seconds k_orphan_grace{3};  // between SIGTERM and SIGKILL when coldload is gone

// --- what goes over the control socket --------------------------------------------------------

enum class ReportKind : std::int32_t { ready, launched, refused, ended };

// From the guard.
struct Report {
  ReportKind kind = ReportKind::ready;
  // ready: how many bytes follow, which are the directory of the server's cgroup; launched: the
  // pid; refused: errno; ended: as waitpid(2) has it.
  std::int32_t number = 0;
  // launched: CLOCK_MONOTONIC, before fork(2) and once execve(2) has succeeded
  std::int64_t launched_ns = 0;
  std::int64_t spawned_ns = 0;
};

// False where the other side is gone.
bool send_all(const os::Fd& control, std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t put = ::send(control.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

bool receive_all(const os::Fd& control, std::span<std::byte> data) {
  while (!data.empty()) {
    const ssize_t got = ::recv(control.get(), data.data(), data.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

void send_report(const os::Fd& control, const Report& report) {
  (void)send_all(control, std::as_bytes(std::span(&report, 1)));
}

std::optional<Report> receive_report(const os::Fd& control) {
  Report report;
  if (!receive_all(control, std::as_writable_bytes(std::span(&report, 1)))) return std::nullopt;
  return report;
}

// A command as strings that each end in a zero byte, which none of them can hold.
std::string pack(const os::Command& command) {
  std::string packed;
  const auto add = [&](std::string_view word) { packed.append(word).push_back('\0'); };
  add(command.working_directory);
  add(command.executable);
  add(std::to_string(command.argv.size()));
  for (const std::string& word : command.argv) add(word);
  for (const auto& [key, value] : command.environment) {
    add(key);
    add(value);
  }
  return packed;
}

os::Command unpack(std::string_view packed) {
  const auto take = [&] {
    const std::size_t end = std::min(packed.find('\0'), packed.size());
    std::string word(packed.substr(0, end));
    packed.remove_prefix(std::min(end + 1, packed.size()));
    return word;
  };
  os::Command command;
  command.working_directory = take();
  command.executable = take();
  const std::size_t words = std::stoul(take());
  for (std::size_t i = 0; i < words; ++i) command.argv.push_back(take());
  while (!packed.empty()) {
    std::string key = take();
    command.environment.emplace_back(std::move(key), take());
  }
  return command;
}

std::optional<os::Command> receive_command(const os::Fd& control) {
  std::uint64_t bytes = 0;
  if (!receive_all(control, std::as_writable_bytes(std::span(&bytes, 1)))) return std::nullopt;
  std::string packed(bytes, '\0');
  if (!receive_all(control, std::as_writable_bytes(std::span(packed)))) return std::nullopt;
  return unpack(packed);
}

// --- the guard's side --------------------------------------------------------------------------

void settle_in() {
  // Not "coldload" alone, so that a killall of that leaves the guard to do its work.
  ::prctl(PR_SET_NAME, "coldload-guard", 0, 0, 0);
  // Stopped by somebody, it would not see coldload's end.
  ::prctl(PR_SET_PDEATHSIG, SIGCONT);
  // All of its code now: what it had to read later would be taken for the server's. A limit on
  // locked memory may forbid it; then the pages are most likely there all the same.
  ::mlockall(MCL_CURRENT);
}

std::optional<os::Subprocess> launch_server(const os::Fd& control, const os::Command& command,
                                            Charge charge, const os::Cgroup* group) {
  os::SpawnOptions spawn{command};
  spawn.new_session = charge == Charge::server;
  if (group != nullptr) spawn.cgroup_fd = group->fd();
  try {
    os::Subprocess server(spawn);
    const nanoseconds spawned = os::Clock::now().time_since_epoch();
    const nanoseconds launched = server.launched_at().time_since_epoch();
    send_report(control, {ReportKind::launched, server.pid(), launched.count(), spawned.count()});
    server.detach();  // reaped with all others
    return server;
  } catch (const os::SystemError& error) {
    send_report(control, {ReportKind::refused, error.code()});
    return std::nullopt;
  }
}

// False once there is nothing left to watch: no child, so no descendant either, as orphans become
// children; of a hook, once it has ended itself.
bool reap(const os::Fd& control, pid_t server, Charge charge) {
  while (true) {
    int raw = 0;
    const pid_t pid = ::waitpid(-1, &raw, WNOHANG);
    if (pid == 0) return true;
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return false;
    if (pid != server) continue;
    send_report(control, {ReportKind::ended, raw});
    if (charge == Charge::hook) return false;
  }
}

}  // namespace

void run_guard(int control_fd, Charge charge) {
  ::fcntl(control_fd, F_SETFD, FD_CLOEXEC);
  const os::Fd control(control_fd, "the guard's control socket");
  const os::Fd nothing = os::open_file("/dev/null", O_RDWR);
  // Only coldload's end, or that of all below, ends a guard: signals just wake it.
  os::SignalInbox signals;
  ProcessTree tree;
  settle_in();
  const auto group = charge == Charge::server ? os::Cgroup::create_below_own() : std::nullopt;
  const std::string directory = group ? group->directory() : "";
  send_report(control, {ReportKind::ready, static_cast<std::int32_t>(directory.size())});
  (void)send_all(control, std::as_bytes(std::span(directory)));
  const auto command = receive_command(control);
  if (!command) return;
  const auto server = launch_server(control, *command, charge, group ? &*group : nullptr);
  if (!server) return;
  tree.set_root(server->pid());
  if (group) tree.set_cgroup(&*group);
  // The log is the server's alone from here on.
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.get(), fd);

  while (reap(control, server->pid(), charge)) {
    std::array<pollfd, 2> entries{{{control.get(), POLLIN, 0}, {signals.fd(), POLLIN, 0}}};
    (void)os::poll_until(entries, std::nullopt);
    while (signals.take()) {
    }
    if (entries[0].revents == 0) continue;
    nanoseconds grace = k_orphan_grace;
    while (!tree.stop(grace).empty()) grace = nanoseconds(0);
    return;
  }
}

// --- coldload's side ---------------------------------------------------------------------------

namespace {

os::SpawnOptions guard_options(const std::vector<std::string>& command, Charge charge,
                               int control_fd, int output_fd) {
  os::SpawnOptions spawn;
  spawn.argv = command;
  spawn.argv.push_back(std::to_string(control_fd));
  if (charge == Charge::hook) spawn.argv.emplace_back(k_hook_word);
  spawn.stdout_fd = output_fd;
  spawn.stderr_fd = output_fd;
  spawn.inherited_fds = {control_fd};
  // What is sent to our process group does not reach it.
  spawn.new_session = charge == Charge::server;
  return spawn;
}

// A server may stop its guard, as it may stop anybody of its user.
void wake_if_stopped(const os::Subprocess& guard) {
  const auto info = os::process_info(guard.pid());
  if (info && info->state == 'T') guard.send_signal(SIGCONT);
}

// Until the guard has something to report. Starting a program reads its file, which may lie on
// storage that hangs. Hooks are also run when an interrupt has come: to clean up.
void wait_for_start(const os::Subprocess& guard, const os::Fd& control, const std::string& program,
                    Charge charge) {
  const os::TimePoint deadline = os::Clock::now() + k_start_limit;
  pollfd entry{control.get(), POLLIN, 0};
  while (!os::poll_until({&entry, 1}, os::Clock::now() + milliseconds(50))) {
    wake_if_stopped(guard);
    const bool ends = charge == Charge::server && os::interrupted();
    if (!ends && os::Clock::now() < deadline) continue;
    throw os::Error(
        fmt::format("cannot start {}: {}", program, ends ? "interrupted" : "it takes too long"));
  }
}

}  // namespace

Guard::Guard(const std::vector<std::string>& command, int output_fd, Charge charge)
    : charge_(charge) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw os::SystemError("create a socket", "", errno);
  }
  control_ = os::Fd(ends[0], "the guard's control socket");
  {
    const os::Fd theirs(ends[1], "the guard's control socket");
    process_.emplace(guard_options(command, charge, theirs.get(), output_fd));
  }
  wait_for_start(*process_, control_, command[0], charge_);
  const auto report = receive_report(control_);
  std::string directory(report ? static_cast<std::size_t>(report->number) : 0, '\0');
  if (!report || !receive_all(control_, std::as_writable_bytes(std::span(directory)))) {
    throw os::Error(fmt::format(
        "cannot start a server: its guard ({}) ended at once; the log may say why", command[0]));
  }
  if (auto group = os::Cgroup::adopt(directory)) cgroup_.emplace(std::move(*group));
}

void Guard::launch(const os::Command& command) {
  const std::string packed = pack(command);
  const std::uint64_t bytes = packed.size();
  (void)send_all(control_, std::as_bytes(std::span(&bytes, 1)));
  (void)send_all(control_, std::as_bytes(std::span(packed)));
  const std::string program = command.argv.empty() ? "a server" : command.argv[0];
  wait_for_start(*process_, control_, program, charge_);
  const auto report = receive_report(control_);
  if (!report) {
    throw os::Error(fmt::format("cannot start {}: its guard was killed; start again", program));
  }
  if (report->kind == ReportKind::refused) {
    throw os::SystemError::of_start(program, report->number);
  }
  server_ = report->number;
  launched_at_ = os::TimePoint(nanoseconds(report->launched_ns));
  spawned_at_ = os::TimePoint(nanoseconds(report->spawned_ns));
}

std::optional<os::ExitStatus> Guard::wait_until(os::TimePoint deadline) {
  pollfd entry{control_.get(), POLLIN, 0};
  if (exit_ || lost_ || !control_.valid()) return exit_;
  wake();
  if (!os::poll_until({&entry, 1}, deadline)) return exit_;
  if (const auto report = receive_report(control_)) {
    exit_ = os::exit_status(report->number);
  } else {
    lost_ = true;
  }
  return exit_;
}

void Guard::wake() const { wake_if_stopped(*process_); }

void Guard::release() noexcept {
  control_.reset();
  wake();
  if (!process_->wait_until(os::Clock::now() + k_release_limit)) process_->detach();
}

}  // namespace coldload::process
