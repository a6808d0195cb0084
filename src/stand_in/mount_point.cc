#include "stand_in/mount_point.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
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
  for (const std::string& path : made_) ::rmdir(path.c_str());
}

void MountPoint::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) throw os::SystemError("create", path, errno);
  made_.insert(made_.begin(), path);
}

void MountPoint::make_private(const std::string& source) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::string base = runtime != nullptr ? runtime : "";
  if (base.empty() || ::access(base.c_str(), W_OK | X_OK) != 0) base = "/tmp";
  base = os::real_path(base);
  refuse_inside_source(base, source);
  std::string name = base + "/coldload-stand-in-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw os::SystemError("create a directory", name, errno);
  made_.push_back(name);
  const std::string whole = name + "/" + std::filesystem::path(source).filename().string();
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
    make_directory(whole);
    path_ = whole;
    return;
  }
  const std::string path = os::real_path(whole);
  refuse_inside_source(path, source);
  if (!S_ISDIR(status.st_mode)) {
    throw os::Error(fmt::format("cannot mount at {}: it is not a directory", given));
  }
  if (stand_in_at(path)) {
    throw os::Error(fmt::format("cannot mount at {}: a stand-in is mounted there", given));
  }
  if (!std::filesystem::is_empty(path)) {
    throw os::Error(fmt::format("cannot mount at {}: it is not empty", given));
  }
  path_ = path;
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
