#include "stand_in/file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "stand_in/fuse_messages.h"

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

std::string mount_options(const Setup& setup) {
  std::string options = "ro,default_permissions,subtype=coldload,fsname=";
  // Everybody finds it in the table of mounts, as "server:/export" of a network's.
  for (const char c : spec_of(setup.pace) + ":" + setup.source) {
    if (c == ',' || c == '\\') options += '\\';
    options += c;
  }
  if (setup.access == MountAccess::everybody) options += ",allow_other";
  return options;
}

}  // namespace

FileSystem::FileSystem(const Setup& setup, std::shared_ptr<Line> line)
    : server_(setup, std::move(line)), ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd") {
  if (!ended_.valid()) throw os::SystemError("create an eventfd", "", errno);
  install_wake_signal();
  keep_fuse_messages();
  mount(setup);
  try {
    // Each reads its request's data too, so a few more than there are cores for a cold disk behind.
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 4U, 8U);
    receivers_ = os::Crew(threads, [this](unsigned) { receive(); });
    // Waits until the kernel has taken our answer to its first request, after which settings of
    // the mount (its readahead) stay as they are made.
    struct stat status {};
    if (::stat(setup.mount_point.c_str(), &status) != 0) {
      throw os::SystemError("look at the new mount", setup.mount_point, errno);
    }
  } catch (...) {
    close();
    throw;
  }
}

FileSystem::~FileSystem() { close(); }

void FileSystem::mount(const Setup& setup) {
  std::string options = mount_options(setup);
  std::array<char*, 3> words{const_cast<char*>("coldload"), const_cast<char*>("-o"),
                             options.data()};
  fuse_args arguments = FUSE_ARGS_INIT(words.size(), words.data());
  fuse_ =
      fuse_session_new(&arguments, &Responder::callbacks(), sizeof(fuse_lowlevel_ops), &server_);
  fuse_opt_free_args(&arguments);  // what libfuse has made of them
  if (fuse_ == nullptr || fuse_session_mount(fuse_, setup.mount_point.c_str()) != 0) {
    if (fuse_ != nullptr) fuse_session_destroy(fuse_);
    const bool needs_leave = setup.access == MountAccess::everybody && ::geteuid() != 0;
    const std::string cause = last_fuse_message();
    throw os::Error(fmt::format(
        "cannot mount a stand-in at {}: {}; {}", setup.mount_point,
        cause.empty() ? "refused" : cause,
        needs_leave ? "--allow-other needs the line user_allow_other in /etc/fuse.conf, or root"
                    : "that needs /dev/fuse, and root or fusermount3 (in a container: --device "
                      "/dev/fuse --cap-add SYS_ADMIN)"));
  }
  server_.set_session(fuse_);
}

// Order: first nobody takes requests, then nobody answers any, then the last descriptor of the
// connection closes, which fails all that still waits, then the mount goes (libfuse detaches it,
// so that a reader's open file does not keep it).
void FileSystem::close() noexcept {
  fuse_session_exit(fuse_);
  // A signal that comes just before the read is lost: repeat.
  while (!receivers_.wait_until(os::Clock::now())) {
    receivers_.send_signal(k_wake_signal);
    (void)receivers_.wait_until(os::Clock::now() + std::chrono::milliseconds(1));
  }
  server_.stop();
  fuse_session_unmount(fuse_);
  fuse_session_destroy(fuse_);
}

void FileSystem::receive() const noexcept {
  fuse_buf buffer{};
  while (fuse_session_exited(fuse_) == 0) {
    const int got = fuse_session_receive_buf(fuse_, &buffer);
    if (got == -EINTR) continue;
    if (got <= 0) break;
    fuse_session_process_buf(fuse_, &buffer);
  }
  std::free(buffer.mem);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(ended_.get(), &one, sizeof one);
}

ServeEnd serve(const std::vector<std::unique_ptr<FileSystem>>& mounts, int owner_fd) {
  constexpr int k_look_every_ms = 500;
  std::vector<pollfd> waits{{os::interrupt_fd(), POLLIN, 0}, {owner_fd, POLLIN, 0}};
  const std::size_t first = waits.size();
  for (const auto& mount : mounts) waits.push_back({mount->ended().get(), POLLIN, 0});
  while (true) {
    ::poll(waits.data(), waits.size(), k_look_every_ms);
    if (os::interrupted()) return ServeEnd::interrupted;
    if (waits[1].revents != 0) {
      std::array<char, 64> ignored{};
      const ssize_t got = ::read(owner_fd, ignored.data(), ignored.size());
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return ServeEnd::owner_gone;
    }
    for (std::size_t i = 0; i < mounts.size(); ++i) {
      if (waits[first + i].revents != 0) return ServeEnd::unmounted;
      if (!mounts[i]->has_source()) return ServeEnd::source_gone;
    }
  }
}

}  // namespace coldload::stand_in
