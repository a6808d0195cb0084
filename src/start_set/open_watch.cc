#include "start_set/open_watch.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
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
constexpr std::string_view k_hangs = "it does not answer";
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
std::vector<storage::Mount> watched_mounts(const std::vector<std::string>& passed_over) {
  const std::vector<storage::Mount> mounts = storage::current_mounts();
  std::set<std::pair<unsigned, unsigned>> known;
  for (const std::string& file : passed_over) {
    const storage::Mount* const mount = storage::mount_of(mounts, file);
    if (mount != nullptr && storage::opening_may_drop_pages(*mount)) {
      known.emplace(mount->major, mount->minor);
    }
  }
  std::vector<storage::Mount> watched;
  for (const storage::Mount& mount : mounts) {
    if (!keeps_files(mount)) continue;
    // What a later mount hides is reached through another one, or not at all.
    if (storage::mount_of(mounts, mount.point)->id != mount.id) continue;
    if (known.emplace(mount.major, mount.minor).second) watched.push_back(mount);
  }
  return watched;
}

// What is watched by one thread each, by mount points: all that this kernel answers for itself,
// which comes first, and each of the others, lest one that hangs keeps back what is told of the
// rest.
std::vector<std::vector<std::string>> watched_points(const std::vector<std::string>& passed_over) {
  constexpr std::size_t k_most = 32;  // threads; the kernel allows a user 128 groups
  std::vector<std::vector<std::string>> parts(1);
  for (const storage::Mount& mount : watched_mounts(passed_over)) {
    if (!storage::may_hang(mount)) {
      parts.front().push_back(mount.point);
    } else if (parts.size() < k_most) {
      parts.push_back({mount.point});
    } else {
      parts.back().push_back(mount.point);
    }
  }
  return parts;
}

std::string untold(const std::string& point, std::string_view why) {
  return fmt::format("openings on {} are not told: {}", point, why);
}

// Empty where it is seen from nowhere here.
std::string path_of(const os::Fd& file) {
  std::error_code error;
  return std::filesystem::read_symlink(os::path_by_descriptor(file), error).string();
}

}  // namespace

// What is told of all file systems.
struct OpenWatch::Shared {
  IsOurs is_ours;

  std::mutex mutex;  // of what follows
  Opened opened;

  void miss(const std::string& what) {
    const std::lock_guard lock(mutex);
    std::vector<std::string>& missed = opened.missed;
    if (std::find(missed.begin(), missed.end(), what) == missed.end()) missed.push_back(what);
  }
};

// The file systems of one thread. It shares this with the owner: where it hangs, it keeps it.
struct OpenWatch::Part {
  std::shared_ptr<Shared> shared;
  std::vector<std::string> points;
  os::Fd group;
  std::atomic<bool> watching{false};
  std::atomic<bool> ending{false};
  std::atomic<std::size_t> taken{0};  // events, whosoever's

  // The thread's own.
  // By its last change, which another file that gets the number of a removed one does not share.
  std::map<os::FileId, std::pair<time_t, long>> seen;
  std::set<std::string> named;
  std::map<pid_t, bool> ours;

  // Throws os::Error where that is not allowed.
  Part(std::shared_ptr<Shared> all, std::vector<std::string> own)
      : shared(std::move(all)), points(std::move(own)) {
    // Each event is an open descriptor, for reading. However many wait to be read, none is dropped:
    // 16,384 is the kernel's default, and whoever else is busy on this machine fills that.
    const int made =
        ::fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK | FAN_CLASS_NOTIF | FAN_UNLIMITED_QUEUE,
                        O_CLOEXEC | O_LARGEFILE);
    if (made < 0) throw os::SystemError("watch", "what is opened (fanotify)", errno);
    group = os::Fd(made, "fanotify");
  }

  void mark_all() {
    for (const std::string& point : points) {
      const int marked = ::fanotify_mark(group.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN,
                                         AT_FDCWD, point.c_str());
      if (marked != 0) shared->miss(untold(point, os::error_text(errno)));
    }
    watching = true;
  }

  // Not of a process that has gone: whose it was cannot be told any more.
  bool is_of_ours(pid_t pid) {
    const auto known = ours.find(pid);
    if (known != ours.end()) return known->second;
    const bool is_one = shared->is_ours(pid);
    if (os::process_info(pid)) ours.emplace(pid, is_one);
    return is_one;
  }

  void take(const fanotify_event_metadata& event, pid_t self) {
    if ((event.mask & FAN_Q_OVERFLOW) != 0) {
      shared->miss("the kernel had no memory to note every opening");
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
    const std::lock_guard lock(shared->mutex);
    shared->opened.files.push_back(std::move(path));
  }

  // What is there by now, as far as it is wanted: others may open files faster than they are noted.
  void take_while(const std::function<bool()>& is_wanted) {
    alignas(fanotify_event_metadata) std::array<char, k_buffer_bytes> buffer{};
    const pid_t self = ::getpid();
    while (is_wanted()) {
      const ssize_t length = ::read(group.get(), buffer.data(), buffer.size());
      if (length < 0 && errno == EINTR) continue;
      if (length < 0 && errno != EAGAIN) shared->miss(os::error_text(errno));
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
  shared_->is_ours = std::move(is_ours);
  for (std::vector<std::string>& points : watched_points(passed_over)) {
    if (watchers_.empty()) {
      watch(std::move(points));
      continue;
    }
    const std::string point = points.front();
    try {
      watch(std::move(points));
    } catch (const os::Error& error) {
      shared_->miss(untold(point, error.what()));
    }
  }
  wait_until_watching();
}

void OpenWatch::watch(std::vector<std::string> points) {
  const auto part = std::make_shared<Part>(shared_, std::move(points));
  watchers_.push_back({part, os::Crew(1, [part](unsigned) { part->run(); })});
}

void OpenWatch::wait_until_watching() const {
  constexpr std::chrono::seconds k_patience_with_others{1};
  const os::TimePoint begin = os::Clock::now();
  for (const Watcher& watcher : watchers_) {
    const bool is_local = &watcher == &watchers_.front();
    const os::TimePoint give_up = begin + (is_local ? k_watch_patience : k_patience_with_others);
    const Part& part = *watcher.part;
    while (!part.watching && os::Clock::now() < give_up &&
           !watcher.thread.wait_until(os::Clock::now() + std::chrono::milliseconds(1))) {
    }
    if (!part.watching) shared_->miss(untold(part.points.front(), k_hangs));
  }
}

// Which threads do not end, as their file systems hang: a busy machine goes on, however slowly.
std::vector<OpenWatch::Watcher*> OpenWatch::those_that_hang() {
  constexpr std::chrono::milliseconds k_tick{100};
  struct Wait {
    std::size_t taken = 0;
    os::TimePoint give_up;
  };
  std::vector<Wait> waits;
  for (const Watcher& watcher : watchers_) {
    const auto patience = watcher.part->watching ? k_watch_patience : std::chrono::seconds(0);
    waits.push_back({watcher.part->taken, os::Clock::now() + patience});
    watcher.part->ending = true;
  }
  std::vector<Watcher*> hanging;
  for (std::size_t i = 0; i < watchers_.size(); ++i) {
    Wait& wait = waits[i];
    const Part& part = *watchers_[i].part;
    while (!watchers_[i].thread.wait_until(os::Clock::now() + k_tick)) {
      if (wait.taken != part.taken) {
        wait.taken = part.taken;
        wait.give_up = os::Clock::now() + k_watch_patience;
      }
      if (os::Clock::now() < wait.give_up) continue;
      hanging.push_back(&watchers_[i]);
      break;
    }
  }
  return hanging;
}

void OpenWatch::end() {
  for (Watcher* const watcher : those_that_hang()) {
    watcher->thread.leave_behind();
    shared_->miss(untold(watcher->part->points.front(), k_hangs));
  }
  for (Watcher& watcher : watchers_) watcher.thread.join();
  watchers_.clear();
}

OpenWatch::~OpenWatch() {
  try {
    end();
  } catch (const std::exception&) {
    return;  // whoever wanted to know has asked
  }
}

Opened OpenWatch::finish() {
  end();
  const std::lock_guard lock(shared_->mutex);
  return std::move(shared_->opened);
}

}  // namespace coldload::start_set
