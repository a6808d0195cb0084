#include "os/cgroup.h"

#include <atomic>
#include <cerrno>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/path.h"

namespace coldload::os {

namespace {

// Our group's path in the v2 hierarchy: the line "0::/path".
std::optional<std::string> path_in_hierarchy(std::string_view cgroup) {
  std::istringstream lines{std::string(cgroup)};
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("0::/", 0) == 0) return line.substr(3);
  }
  return std::nullopt;
}

struct Mount {
  std::string root;  // the group that is seen at the mount point
  std::string point;
};

// One line of proc_pid_mountinfo(5): "31 23 0:28 ROOT POINT options [tags] - TYPE source options".
std::optional<Mount> cgroup2_mount(const std::string& line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) return std::nullopt;
  std::istringstream fields(line);
  std::string id, parent, device;
  Mount mount;
  fields >> id >> parent >> device >> mount.root >> mount.point;
  // A backslash stands for a character that the format cannot hold: nobody mounts this there.
  if (!fields || line.substr(0, dash).find('\\') != std::string::npos) return std::nullopt;
  return mount;
}

}  // namespace

std::optional<std::string> own_cgroup_directory(std::string_view mountinfo,
                                                std::string_view cgroup) {
  const auto path = path_in_hierarchy(cgroup);
  if (!path) return std::nullopt;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    const auto mount = cgroup2_mount(line);
    if (!mount) continue;
    const std::string root = mount->root == "/" ? "" : mount->root;
    // "/..": a group outside of our cgroup namespace.
    if (!is_below(*path, root) || path->rfind("/..", 0) == 0) continue;
    std::string directory = mount->point + path->substr(root.size());
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    return directory;
  }
  return std::nullopt;
}

std::optional<Cgroup> Cgroup::create(const std::string& parent, const std::string& name) {
  const std::string directory = parent + "/" + name;
  if (::mkdir(directory.c_str(), 0755) != 0) return std::nullopt;
  auto group = adopt(directory);
  if (!group) ::rmdir(directory.c_str());
  return group;
}

std::optional<Cgroup> Cgroup::create_below_own() {
  const auto mountinfo = try_read_text("/proc/self/mountinfo", 64 << 20);
  const auto cgroup = try_read_text("/proc/self/cgroup");
  if (!mountinfo || !cgroup) return std::nullopt;
  const auto parent = own_cgroup_directory(*mountinfo, *cgroup);
  if (!parent) return std::nullopt;
  static std::atomic<int> g_last_number{0};
  return create(*parent, fmt::format("coldload-{}-{}", ::getpid(), ++g_last_number));
}

std::optional<Cgroup> Cgroup::adopt(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), directory);
  if (!fd.valid() || ::faccessat(fd.get(), "cgroup.kill", W_OK, 0) != 0) return std::nullopt;
  return Cgroup(std::move(fd));
}

Cgroup::~Cgroup() {
  if (!directory_.valid()) return;
  constexpr int k_attempts = 100;  // the killed need a moment to be gone
  constexpr useconds_t k_pause_us = 10'000;
  for (int attempt = 0; attempt < k_attempts; ++attempt) {
    if (::rmdir(directory().c_str()) == 0 || errno != EBUSY) return;
    kill();
    ::usleep(k_pause_us);
  }
}

void Cgroup::kill() const noexcept {
  const int control = ::openat(directory_.get(), "cgroup.kill", O_WRONLY | O_CLOEXEC);
  if (control < 0) return;
  [[maybe_unused]] const auto put = ::write(control, "1", 1);
  ::close(control);
}

}  // namespace coldload::os
