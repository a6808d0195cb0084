#include "stand_in/mount_point.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/child_answer.h"
#include "os/clock.h"
#include "os/error.h"
#include "os/file_id.h"
#include "os/file_lock.h"
#include "os/held_directory.h"
#include "os/path.h"
#include "os/subprocess.h"
#include "storage/stand_in_mount.h"

namespace coldload::stand_in {

namespace {

void refuse_inside_source(const std::string& path, const std::string& source) {
  if (!os::is_below(path, source)) return;
  throw os::Error(
      path == source
          ? fmt::format("cannot mount over {}: it is the source itself", path)
          : fmt::format("cannot mount at {}: it lies inside the source {}", path, source));
}

// Whether what is mounted there has lost its server for good. A child asks, as one that hangs does
// not answer; stat(2) may be answered from the kernel's memory.
bool has_no_server(const std::string& point) {
  constexpr std::chrono::seconds k_patience{2};
  const auto answer = os::answer_of_child(
      [&point]() -> std::string {
        const os::Fd root(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), point);
        return !root.valid() && errno == ENOTCONN ? "dead" : "";
      },
      os::Clock::now() + k_patience);
  return answer == "dead";
}

constexpr mode_t k_for_all_to_look_at = 0755;
constexpr const char* k_private_name = "/coldload-stand-in-";

// Where private ones are made.
// Not another user's: he could put something else in a directory's place before it is mounted on.
std::string base_of_private() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  struct stat info {};
  const bool ours = runtime != nullptr && ::stat(runtime, &info) == 0 &&
                    info.st_uid == ::geteuid() && ::access(runtime, W_OK | X_OK) == 0;
  return os::real_path(ours ? runtime : "/tmp");
}

// Detaches the mount, failing what waits on it. The server normally did so itself.
void unmount(const std::string& point) noexcept {
  try {
    if (!stand_in_at(point)) return;
    if (::umount2(point.c_str(), MNT_FORCE | MNT_DETACH) == 0) return;
    constexpr std::chrono::seconds k_limit{5};
    os::SpawnOptions options;
    options.argv = {"fusermount3", "-u", "-z", "-q", point};
    (void)os::Subprocess(options).wait_until(os::Clock::now() + k_limit);
  } catch (...) {
    // Nothing is left to try.
  }
}

}  // namespace

MountPoint::MountPoint(const std::string& given, const std::string& source) : MountPoint() {
  given.empty() ? make_private(source) : take_given(given, source);
}

MountPoint::~MountPoint() {
  if (!path_.empty()) unmount(path_);
  for (const std::string& path : made_) os::remove_held_directory(path);
}

// Two that mount there at once would lie one over the other, and who ends first would unmount the
// other one's. The lock is the directory's below the mount: whoever is alone with it keeps a share,
// and its server takes one, too.
void MountPoint::hold(const std::string& path, const std::string& given) {
  const auto refuse = [&given](const std::string& why) {
    throw os::Error(fmt::format("cannot mount at {}: {}", given, why));
  };
  const auto refuse_taken = [&] {
    if (stand_in_at(path)) refuse("a stand-in is mounted there");
  };
  const auto lock = [&](os::LockMode mode) {
    if (os::try_lock(held_, mode) != os::LockAnswer::held) return;
    refuse(
        fmt::format("{} has it locked, and may be about to mount there: wait for it, or mount "
                    "elsewhere",
                    os::lock_holder(held_)));
  };
  refuse_taken();
  held_ = os::open_file(path, O_RDONLY | O_DIRECTORY);
  lock(os::LockMode::exclusive);
  refuse_taken();
  if (os::file_id(path) != os::file_id(held_)) refuse("it was just removed or replaced; try again");
  lock(os::LockMode::shared);
}

void MountPoint::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), k_for_all_to_look_at) != 0)
    throw os::SystemError("create", path, errno);
  made_.insert(made_.begin(), path);
}

void MountPoint::make_private(const std::string& source) {
  const std::string base = base_of_private();
  refuse_inside_source(base, source);
  held_ = os::make_held_directory(base + k_private_name);
  made_.push_back(held_.path());
  const std::string whole = held_.path() + "/" + std::filesystem::path(source).filename().string();
  make_directory(whole);
  path_ = whole;
}

void MountPoint::take_given(const std::string& given, const std::string& source) {
  std::filesystem::path whole = std::filesystem::absolute(given).lexically_normal();
  if (whole.filename().empty()) whole = whole.parent_path();
  struct stat status {};
  if (::stat(whole.c_str(), &status) != 0) {
    const int cause = errno;
    if (cause == ENOTCONN) {
      throw os::Error(
          fmt::format("cannot mount at {}: a dead mount was left there; `umount -l {}` removes it",
                      given, given));
    }
    std::error_code problem;
    const std::filesystem::path parent = std::filesystem::canonical(whole.parent_path(), problem);
    if (cause != ENOENT || problem) throw os::SystemError("mount at", given, cause);
    whole = parent / whole.filename();
    refuse_inside_source(whole, source);
    if (::mkdir(whole.c_str(), k_for_all_to_look_at) != 0) {
      throw os::SystemError("create", whole, errno);
    }
    hold(whole, given);
    made_.push_back(whole);  // not before: whoever has it locked mounts there
    path_ = whole;
    return;
  }
  const std::string path = os::real_path(whole);
  refuse_inside_source(path, source);
  if (!S_ISDIR(status.st_mode)) {
    throw os::Error(fmt::format("cannot mount at {}: it is not a directory", given));
  }
  hold(path, given);
  if (!std::filesystem::is_empty(path)) {
    throw os::Error(fmt::format("cannot mount at {}: it is not empty", given));
  }
  path_ = path;
}

std::vector<std::string> clear_leftovers(const std::string& given) {
  auto abandoned = os::abandoned_directories(base_of_private() + k_private_name);
  std::vector<std::string> cleared = std::move(abandoned.left_alone);
  for (const os::Fd& directory : abandoned.removable) {
    os::for_each_name(directory.path(), [&](const char* name) {
      const std::string point = directory.path() + "/" + name;
      unmount(point);
      ::rmdir(point.c_str());
      return true;
    });
    if (!os::remove_held_directory(directory.path())) continue;
    cleared.push_back(
        fmt::format("removed {}, the stand-in of a coldload that was killed", directory.path()));
  }
  if (given.empty()) return cleared;
  std::error_code problem;
  std::filesystem::path whole = std::filesystem::absolute(given).lexically_normal();
  if (whole.filename().empty()) whole = whole.parent_path();
  const std::filesystem::path parent = std::filesystem::canonical(whole.parent_path(), problem);
  const std::string point = parent / whole.filename();
  if (problem || !stand_in_at(point) || !has_no_server(point)) return cleared;
  unmount(point);
  cleared.push_back(fmt::format("unmounted {}, a stand-in whose server is dead", given));
  return cleared;
}

std::optional<storage::Mount> stand_in_at(const std::string& point) {
  std::optional<storage::Mount> found;
  for (storage::Mount& mount : storage::current_mounts()) {
    const bool is_it = mount.point == point && mount.fs_type == storage::k_stand_in_fs_type;
    if (is_it) found = std::move(mount);
  }
  return found;
}

}  // namespace coldload::stand_in
