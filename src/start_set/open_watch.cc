#include "start_set/open_watch.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/file_id.h"
#include "os/proc.h"
#include "storage/file_systems.h"
#include "storage/mounts.h"

namespace coldload::start_set {

namespace {

constexpr std::chrono::seconds k_watch_patience{5};
// As many events as one read takes: each is an open descriptor.
constexpr std::size_t k_buffer_bytes = std::size_t{128} * sizeof(fanotify_event_metadata);

// File systems of the kernel's own making, whose files nobody reads from storage.
constexpr std::array<std::string_view, 21> k_without_files{
    "autofs", "binfmt_misc", "bpf",        "cgroup",  "cgroup2",    "configfs",  "debugfs",
    "devpts", "devtmpfs",    "efivarfs",   "fusectl", "hugetlbfs",  "mqueue",    "nsfs",
    "proc",   "pstore",      "rpc_pipefs", "sysfs",   "securityfs", "selinuxfs", "tracefs"};

bool keeps_files(const storage::Mount& mount) {
  const bool is_kernels = std::find(k_without_files.begin(), k_without_files.end(),
                                    mount.fs_type) != k_without_files.end();
  return !is_kernels && !storage::file_system_of(mount).memory;
}

// One mount point of each file system that is to be watched.
std::vector<std::string> watched_points(const std::vector<std::string>& passed_over) {
  const std::vector<storage::Mount> mounts = storage::current_mounts();
  std::set<std::pair<unsigned, unsigned>> known;
  for (const std::string& file : passed_over) {
    const storage::Mount* const mount = storage::mount_of(mounts, file);
    if (mount != nullptr && storage::opening_may_drop_pages(*mount)) {
      known.emplace(mount->major, mount->minor);
    }
  }
  std::vector<std::string> points;
  for (const storage::Mount& mount : mounts) {
    if (!keeps_files(mount)) continue;
    // What a later mount hides is reached through another one, or not at all.
    if (storage::mount_of(mounts, mount.point)->id != mount.id) continue;
    if (known.emplace(mount.major, mount.minor).second) points.push_back(mount.point);
  }
  return points;
}

// Empty where it is seen from nowhere here.
std::string path_of(const os::Fd& file) {
  std::error_code error;
  return std::filesystem::read_symlink(os::path_by_descriptor(file), error).string();
}

}  // namespace

// What the thread and its owner share: where it hangs, it keeps it.
struct OpenWatch::Shared {
  os::Fd group;
  IsOurs is_ours;
  std::vector<std::string> points;
  std::atomic<bool> watching{false};
  std::atomic<bool> ending{false};
  std::atomic<std::size_t> taken{0};  // events, whosoever's

  std::mutex mutex;  // of what follows
  Opened opened;

  // The thread's own.
  // By its last change, which another file that gets the number of a removed one does not share.
  std::map<os::FileId, std::pair<time_t, long>> seen;
  std::set<std::string> named;
  std::map<pid_t, bool> ours;

  void miss(const std::string& why) {
    const std::lock_guard lock(mutex);
    opened.is_complete = false;
    if (opened.why_not.empty()) opened.why_not = why;
  }

  void mark_all() {
    for (const std::string& point : points) {
      const int marked = ::fanotify_mark(group.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN,
                                         AT_FDCWD, point.c_str());
      if (marked != 0) {
        miss(fmt::format("openings on {} are not told: {}", point, os::error_text(errno)));
      }
    }
    watching = true;
  }

  // Not of a process that has gone: whose it was cannot be told any more.
  bool is_of_ours(pid_t pid) {
    const auto known = ours.find(pid);
    if (known != ours.end()) return known->second;
    const bool is_one = is_ours(pid);
    if (os::process_info(pid)) ours.emplace(pid, is_one);
    return is_one;
  }

  void take(const fanotify_event_metadata& event, pid_t self) {
    if ((event.mask & FAN_Q_OVERFLOW) != 0) {
      miss("more files were opened at once than the kernel notes");
      return;
    }
    if (event.fd < 0) return;
    const os::Fd file(event.fd, "");
    struct stat info {};
    if (event.pid == self || ::fstat(event.fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
    const os::FileId id{info.st_dev, info.st_ino};
    const std::pair changed(info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
    const auto known = seen.find(id);
    if ((known != seen.end() && known->second == changed) || !is_of_ours(event.pid)) return;
    seen.insert_or_assign(id, changed);
    std::string path = path_of(file);
    // Removed meanwhile, or seen from nowhere here.
    if (!path.starts_with('/') || ::fstat(event.fd, &info) != 0 || info.st_nlink == 0) return;
    if (!named.insert(path).second) return;
    const std::lock_guard lock(mutex);
    opened.files.push_back(std::move(path));
  }

  // What is there by now, as far as it is wanted: others may open files faster than they are noted.
  void take_while(const std::function<bool()>& is_wanted) {
    alignas(fanotify_event_metadata) std::array<char, k_buffer_bytes> buffer{};
    const pid_t self = ::getpid();
    while (is_wanted()) {
      const ssize_t length = ::read(group.get(), buffer.data(), buffer.size());
      if (length < 0 && errno == EINTR) continue;
      if (length < 0 && errno != EAGAIN) miss(os::error_text(errno));
      if (length <= 0) return;
      auto left = static_cast<std::size_t>(length);
      const char* at = buffer.data();
      while (left >= sizeof(fanotify_event_metadata)) {
        const auto* const event = reinterpret_cast<const fanotify_event_metadata*>(at);
        if (event->event_len < sizeof(*event) || event->event_len > left) break;
        take(*event, self);
        ++taken;
        at += event->event_len;
        left -= event->event_len;
      }
    }
  }

  void run() {
    mark_all();
    constexpr int k_tick_ms = 50;
    while (!ending) {
      pollfd ready{group.get(), POLLIN, 0};
      (void)::poll(&ready, 1, k_tick_ms);
      take_while([this] { return !ending; });
    }
    // Whatever others open from now on: what is noted already has an end.
    (void)::fanotify_mark(group.get(), FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, nullptr);
    take_while([] { return true; });
  }
};

OpenWatch::OpenWatch(IsOurs is_ours, const std::vector<std::string>& passed_over)
    : shared_(std::make_shared<Shared>()) {
  // Each event is an open descriptor, for reading.
  const int group =
      ::fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_NOTIF, O_CLOEXEC | O_LARGEFILE);
  if (group < 0) throw os::SystemError("watch", "what is opened (fanotify)", errno);
  shared_->group = os::Fd(group, "fanotify");
  shared_->is_ours = std::move(is_ours);
  shared_->points = watched_points(passed_over);
  thread_ = os::Crew(1, [shared = shared_](unsigned) { shared->run(); });
  const os::TimePoint give_up = os::Clock::now() + k_watch_patience;
  while (!shared_->watching && os::Clock::now() < give_up &&
         !thread_.wait_until(os::Clock::now() + std::chrono::milliseconds(1))) {
  }
}

// False where a file system hangs: a busy machine goes on, however slowly.
bool OpenWatch::ends() const {
  shared_->ending = true;
  constexpr std::chrono::milliseconds k_tick{100};
  std::size_t taken = shared_->taken;
  os::TimePoint give_up = os::Clock::now() + k_watch_patience;
  while (!thread_.wait_until(os::Clock::now() + k_tick)) {
    if (taken != shared_->taken) {
      taken = shared_->taken;
      give_up = os::Clock::now() + k_watch_patience;
    }
    if (os::Clock::now() >= give_up) return false;
  }
  return true;
}

OpenWatch::~OpenWatch() {
  if (thread_.size() > 0 && !ends()) thread_.leave_behind();
}

Opened OpenWatch::finish() {
  if (ends()) {
    thread_.join();
  } else {
    thread_.leave_behind();
    shared_->miss("a file system does not answer");
  }
  const std::lock_guard lock(shared_->mutex);
  return std::move(shared_->opened);
}

}  // namespace coldload::start_set
