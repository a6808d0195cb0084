#include "stand_in/file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/crew.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "stand_in/fuse_messages.h"
#include "stand_in/responder.h"

namespace coldload::stand_in {

namespace {

// Ends a receiver's blocking read. By default it is ignored, so one that comes late does no harm.
constexpr int k_wake_signal = SIGURG;

void install_wake_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ::sigemptyset(&action.sa_mask);
  ::sigaction(k_wake_signal, &action, nullptr);  // without SA_RESTART: read(2) fails with EINTR
}

// Arguments in the form that libfuse takes, with one owner.
class FuseArguments {
 public:
  explicit FuseArguments(const Setup& setup) {
    add("coldload");
    std::string options = "ro,default_permissions,subtype=coldload,fsname=";
    // Everybody finds it in the table of mounts, as "server:/export" of a network's.
    for (const char c : spec_of(setup.pace) + ":" + setup.source) {
      if (c == ',' || c == '\\') options += '\\';
      options += c;
    }
    if (setup.access == MountAccess::everybody) options += ",allow_other";
    add("-o");
    add(options);
  }
  ~FuseArguments() { fuse_opt_free_args(&arguments_); }
  FuseArguments(const FuseArguments&) = delete;
  FuseArguments& operator=(const FuseArguments&) = delete;

  fuse_args* get() { return &arguments_; }

 private:
  void add(const std::string& text) {
    if (fuse_opt_add_arg(&arguments_, text.c_str()) != 0) throw std::bad_alloc();
  }

  fuse_args arguments_{0, nullptr, 0};
};

}  // namespace

struct FileSystem::Session {
  explicit Session(const Setup& setup);
  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void receive() const noexcept;
  void close() noexcept;

  Responder server;
  fuse_session* fuse = nullptr;
  os::Fd ended;  // readable once a receiver has left: unmounted, or the connection is dead
  os::Crew receivers;
};

FileSystem::Session::Session(const Setup& setup)
    : server(setup), ended(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd") {
  if (!ended.valid()) throw os::SystemError("create an eventfd", "", errno);
  install_wake_signal();
  keep_fuse_messages();
  FuseArguments arguments(setup);
  fuse = fuse_session_new(arguments.get(), &Responder::callbacks(), sizeof(fuse_lowlevel_ops),
                          &server);
  if (fuse == nullptr || fuse_session_mount(fuse, setup.mount_point.c_str()) != 0) {
    if (fuse != nullptr) fuse_session_destroy(fuse);
    const bool needs_leave = setup.access == MountAccess::everybody && ::geteuid() != 0;
    const std::string cause = last_fuse_message();
    throw os::Error(fmt::format(
        "cannot mount a stand-in at {}: {}; {}", setup.mount_point,
        cause.empty() ? "refused" : cause,
        needs_leave ? "--allow-other needs the line user_allow_other in /etc/fuse.conf, or root"
                    : "that needs /dev/fuse, and root or fusermount3 (in a container: --device "
                      "/dev/fuse --cap-add SYS_ADMIN)"));
  }
  server.set_session(fuse);
  try {
    // Each reads its request's data too, so a few more than there are cores for a cold disk behind.
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 4U, 8U);
    receivers = os::Crew(threads, [this](unsigned) { receive(); });
  } catch (...) {
    close();
    throw;
  }
}

// Order: first nobody takes requests, then nobody answers any, then the last descriptor of the
// connection closes, which fails all that still waits, then the mount goes (libfuse detaches it,
// so that a reader's open file does not keep it).
void FileSystem::Session::close() noexcept {
  fuse_session_exit(fuse);
  // A signal that comes just before the read is lost: repeat.
  while (!receivers.wait_until(os::Clock::now())) {
    receivers.send_signal(k_wake_signal);
    (void)receivers.wait_until(os::Clock::now() + std::chrono::milliseconds(1));
  }
  server.stop();
  fuse_session_unmount(fuse);
  fuse_session_destroy(fuse);
}

void FileSystem::Session::receive() const noexcept {
  fuse_buf buffer{};
  while (fuse_session_exited(fuse) == 0) {
    const int got = fuse_session_receive_buf(fuse, &buffer);
    if (got == -EINTR) continue;
    if (got <= 0) break;
    fuse_session_process_buf(fuse, &buffer);
  }
  std::free(buffer.mem);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(ended.get(), &one, sizeof one);
}

FileSystem::FileSystem(const Setup& setup) : session_(std::make_unique<Session>(setup)) {
  // Waits until the kernel has taken our answer to its first request, after which settings of the
  // mount (its readahead) stay as they are made.
  struct stat status {};
  if (::stat(setup.mount_point.c_str(), &status) != 0) {
    throw os::SystemError("look at the new mount", setup.mount_point, errno);
  }
}

FileSystem::~FileSystem() = default;

void FileSystem::set_description(std::string text) {
  session_->server.set_description(std::move(text));
}

std::uint32_t FileSystem::request_bytes() const { return session_->server.request_bytes(); }

ServeEnd FileSystem::serve(int owner_fd) {
  constexpr int k_look_every_ms = 500;
  while (true) {
    std::array<pollfd, 3> waits{{{os::interrupt_fd(), POLLIN, 0},
                                 {owner_fd, POLLIN, 0},
                                 {session_->ended.get(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), k_look_every_ms);
    if (os::interrupted()) return ServeEnd::interrupted;
    if (waits[1].revents != 0) {
      std::array<char, 64> ignored{};
      const ssize_t got = ::read(owner_fd, ignored.data(), ignored.size());
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return ServeEnd::owner_gone;
    }
    if (waits[2].revents != 0) return ServeEnd::unmounted;
    if (!session_->server.tree().present()) return ServeEnd::source_gone;
  }
}

}  // namespace coldload::stand_in
