#include "stand_in/stand_in.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "os/subprocess.h"
#include "stand_in/delivery.h"
#include "storage/mounts.h"
#include "storage/stand_in_mount.h"

namespace coldload::stand_in {

namespace {

constexpr std::chrono::seconds k_start_limit{30};
constexpr std::chrono::seconds k_stop_limit{5};

std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> text{};
  return ::realpath(path.c_str(), text.data()) != nullptr ? text.data() : "";
}

bool lies_below(const std::string& path, const std::string& directory) {
  if (directory == "/") return true;
  return path.compare(0, directory.size(), directory) == 0 &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string checked_source(const std::string& source) {
  struct stat status {};
  if (::stat(source.c_str(), &status) != 0) throw os::SystemError("show", source, errno);
  if (!S_ISDIR(status.st_mode)) {
    throw os::Error(fmt::format("cannot show {}: it is not a directory", source));
  }
  std::string resolved = real_path(source);
  if (resolved.empty()) throw os::SystemError("show", source, errno);
  return resolved;
}

bool is_stand_in_mount(const std::string& point) {
  for (const storage::Mount& mount :
       storage::parse_mountinfo(os::read_text("/proc/self/mountinfo"))) {
    if (mount.point == point && mount.fs_type == storage::k_stand_in_fs_type) return true;
  }
  return false;
}

// A directory to mount on, and what was made for it, innermost first.
struct MountPoint {
  std::string path;
  std::vector<std::string> made;
};

void make_directory(MountPoint& point, const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) throw os::SystemError("create", path, errno);
  point.made.insert(point.made.begin(), path);
}

void remove_directories(const std::vector<std::string>& made) noexcept {
  for (const std::string& path : made) ::rmdir(path.c_str());
}

void refuse_inside_source(const std::string& path, const std::string& source) {
  if (!lies_below(path, source)) return;
  throw os::Error(
      path == source
          ? fmt::format("cannot mount over {}: it is the source itself", path)
          : fmt::format("cannot mount at {}: it lies inside the source {}", path, source));
}

MountPoint private_mount_point(const std::string& source) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::string base = runtime != nullptr ? runtime : "";
  if (base.empty() || ::access(base.c_str(), W_OK | X_OK) != 0) base = "/tmp";
  base = real_path(base);
  refuse_inside_source(base, source);
  std::string name = base + "/coldload-stand-in-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw os::SystemError("create a directory", name, errno);
  MountPoint point;
  point.made.push_back(name);
  point.path = name + "/" + std::filesystem::path(source).filename().string();
  try {
    make_directory(point, point.path);
  } catch (...) {
    remove_directories(point.made);
    throw;
  }
  return point;
}

MountPoint given_mount_point(const std::string& given, const std::string& source) {
  std::filesystem::path whole = std::filesystem::absolute(given).lexically_normal();
  if (whole.filename().empty()) whole = whole.parent_path();
  struct stat status {};
  MountPoint point;
  if (::stat(whole.c_str(), &status) != 0) {
    const int cause = errno;
    if (cause == ENOTCONN) {
      throw os::Error(
          fmt::format("cannot mount at {}: a dead mount was left there; `umount -l {}` removes it",
                      given, given));
    }
    const std::string parent = real_path(whole.parent_path());
    if (cause != ENOENT || parent.empty()) throw os::SystemError("mount at", given, cause);
    point.path = (std::filesystem::path(parent) / whole.filename()).string();
    refuse_inside_source(point.path, source);
    make_directory(point, point.path);
    return point;
  }
  point.path = real_path(whole);
  refuse_inside_source(point.path, source);
  if (!S_ISDIR(status.st_mode)) {
    throw os::Error(fmt::format("cannot mount at {}: it is not a directory", given));
  }
  if (is_stand_in_mount(point.path)) {
    throw os::Error(fmt::format("cannot mount at {}: a stand-in is mounted there", given));
  }
  if (!std::filesystem::is_empty(point.path)) {
    throw os::Error(fmt::format("cannot mount at {}: it is not empty", given));
  }
  return point;
}

// Detaches the mount, failing what waits on it. The server normally did so itself.
void unmount(const std::string& point) noexcept {
  try {
    if (!is_stand_in_mount(point)) return;
    if (::umount2(point.c_str(), MNT_FORCE | MNT_DETACH) == 0) return;
    os::SpawnOptions options;
    options.argv = {"fusermount3", "-u", "-z", "-q", point};
    (void)os::Subprocess(options).wait_until(os::Clock::now() + k_stop_limit);
  } catch (...) {
    // Nothing is left to try.
  }
}

// The first line of `output`, without its line feed; empty at end-of-file or when out of time.
std::string first_line(const os::Fd& output) {
  const os::TimePoint deadline = os::Clock::now() + k_start_limit;
  std::string line;
  while (line.empty() || line.back() != '\n') {
    if (os::interrupted()) throw os::Error("interrupted while a stand-in was being mounted");
    if (os::Clock::now() > deadline) return "";
    std::array<pollfd, 2> waits{{{output.get(), POLLIN, 0}, {os::interrupt_fd(), POLLIN, 0}}};
    constexpr int k_step_ms = 200;
    ::poll(waits.data(), waits.size(), k_step_ms);
    if (waits[0].revents == 0) continue;
    std::array<char, 4096> text{};
    const ssize_t got = ::read(output.get(), text.data(), text.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return "";
    line.append(text.data(), static_cast<std::size_t>(got));
  }
  line.pop_back();
  return line;
}

StandInDescription ready_or_throw(const std::string& line, const std::string& point) {
  std::string cause;
  const auto json = text::parse_json(line, &cause);
  if (json && json->is_object()) {
    if (const auto error = text::string_at(json->as_object(), "error")) throw os::Error(*error);
    const auto* ready = json->as_object().if_contains("ready");
    if (ready != nullptr && ready->is_object()) {
      if (const auto description = stand_in_from_json(ready->as_object())) return *description;
    }
  }
  throw os::Error(
      fmt::format("cannot mount a stand-in at {}: its server ended or did not answer", point));
}

}  // namespace

struct StandIn::Process {
  ~Process();

  MountPoint point;
  StandInDescription description;
  os::Fd owner;  // the server ends when this closes
  std::optional<os::Subprocess> server;
};

StandIn::Process::~Process() {
  owner.reset();
  if (server && !server->wait_until(os::Clock::now() + k_stop_limit)) {
    server->send_signal(SIGKILL);
    server->wait_until(os::Clock::now() + k_stop_limit);
  }
  if (!point.path.empty()) unmount(point.path);
  remove_directories(point.made);
}

StandIn::StandIn(const StandInOptions& options, const StandInDescription& known)
    : process_(std::make_unique<Process>()) {
  check_pace(options.pace);
  const std::string source = checked_source(options.source);
  const os::Availability available = stand_in_available();
  if (!available.ok) {
    throw os::Error(fmt::format("cannot mount a stand-in for {}: {}", source, available.reason));
  }
  process_->point = options.mount_point.empty() ? private_mount_point(source)
                                                : given_mount_point(options.mount_point, source);
  const std::string& point = process_->point.path;
  StandInDescription wanted = known;
  wanted.source = source;
  wanted.mount_point = point;
  wanted.pace = options.pace;
  wanted.links = options.links;
  wanted.backing = options.backing;
  wanted.access = options.access;
  wanted.faults = options.faults;
  wanted.readahead_bytes = options.readahead_bytes;
  wanted.request_bytes = options.request_bytes;
  text::json::object request = to_json(wanted);
  text::json::array remove;
  for (const std::string& path : process_->point.made) remove.emplace_back(path);
  request["remove"] = std::move(remove);

  os::Pipe owner = os::make_pipe();
  os::Pipe output = os::make_pipe();
  const os::Fd nothing = os::open_file("/dev/null", O_RDWR);
  os::SpawnOptions spawn;
  spawn.argv = {options.program, "shape", "--serve", text::to_line(request)};
  spawn.stdin_fd = owner.read_end.get();
  spawn.stdout_fd = output.write_end.get();
  if (options.detached) spawn.stderr_fd = nothing.get();
  // Ctrl-C at the terminal is the owner's to handle.
  spawn.new_session = true;
  process_->server.emplace(spawn);
  process_->owner = std::move(owner.write_end);
  output.write_end.reset();
  process_->description = ready_or_throw(first_line(output.read_end), point);
}

StandIn::~StandIn() = default;
StandIn::StandIn(StandIn&& other) noexcept = default;

const std::string& StandIn::path() const { return process_->point.path; }

pid_t StandIn::pid() const { return process_->server->pid(); }

int StandIn::pid_fd() const { return process_->server->pid_fd(); }

bool StandIn::serving() { return !process_->server->try_wait(); }

os::ExitStatus StandIn::wait() { return process_->server->wait(); }

const StandInDescription& StandIn::description() const { return process_->description; }

void StandIn::abort() noexcept {
  // With the server's last descriptor the kernel closes the connection; where a stuck server
  // keeps it, forcing does (root).
  process_->server->send_signal(SIGKILL);
  ::umount2(process_->point.path.c_str(), MNT_FORCE | MNT_DETACH);
}

StandIn mount_stand_in(const StandInOptions& options) {
  StandInDescription known;
  {
    // Everything that can be refused is refused before minutes are spent on reading.
    const StandIn trial(options);
    known = trial.description();
  }
  if (options.backing == Backing::warm) known.warmed = warm_backing(options);
  known.delivered = measure_delivered(options);
  if (os::interrupted()) throw os::Error("interrupted while a stand-in was being measured");
  return StandIn(options, known);
}

os::Availability stand_in_available() {
  const os::Fd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC), "/dev/fuse");
  if (!device.valid()) {
    const int cause = errno;
    if (cause == ENOENT) {
      return {false,
              "there is no /dev/fuse: load the kernel module (modprobe fuse), or in a container "
              "pass the device (docker run --device /dev/fuse --cap-add SYS_ADMIN)"};
    }
    return {false, fmt::format("/dev/fuse cannot be opened ({}): run as root, or in a container "
                               "pass the device (docker run --device /dev/fuse --cap-add "
                               "SYS_ADMIN)",
                               os::error_text(cause))};
  }
  if (::geteuid() == 0) {
    const auto status = os::try_read_text("/proc/self/status");
    const std::size_t at = status ? status->find("CapEff:\t") : std::string::npos;
    if (at == std::string::npos) return {true, ""};
    constexpr int k_base = 16;
    constexpr unsigned k_cap_sys_admin = 21;
    const char* digits = status->c_str() + at + std::string_view("CapEff:\t").size();
    const std::uint64_t capabilities = std::strtoull(digits, nullptr, k_base);
    if (((capabilities >> k_cap_sys_admin) & 1U) != 0) return {true, ""};
    return {false,
            "root here may not mount (no CAP_SYS_ADMIN): docker run --cap-add SYS_ADMIN "
            "--security-opt apparmor=unconfined"};
  }
  const char* path = std::getenv("PATH");
  std::string_view left = path != nullptr ? path : "";
  while (!left.empty()) {
    const std::size_t colon = left.find(':');
    const std::string program = std::string(left.substr(0, colon)) + "/fusermount3";
    if (::access(program.c_str(), X_OK) == 0) return {true, ""};
    if (colon == std::string_view::npos) break;
    left.remove_prefix(colon + 1);
  }
  return {false, "only root can mount without fusermount3: install the package fuse3"};
}

std::optional<StandInDescription> describe_stand_in(const std::string& path) {
  const auto text = storage::stand_in_attribute(path, storage::k_stand_in_attribute);
  if (!text) return std::nullopt;
  std::string cause;
  const auto json = text::parse_json(*text, &cause);
  if (!json || !json->is_object()) return std::nullopt;
  return stand_in_from_json(json->as_object());
}

}  // namespace coldload::stand_in
