#include "stand_in/stand_in.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/child_output.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/path.h"
#include "os/proc.h"
#include "stand_in/mount_point.h"
#include "storage/stand_in_mount.h"

namespace coldload::stand_in {

namespace {

constexpr std::chrono::seconds k_start_limit{30};
constexpr std::chrono::seconds k_stop_limit{5};

std::string checked_source(const std::string& source) {
  struct stat status {};
  if (::stat(source.c_str(), &status) != 0) throw os::SystemError("show", source, errno);
  if (!S_ISDIR(status.st_mode)) {
    throw os::Error(fmt::format("cannot show {}: it is not a directory", source));
  }
  return os::real_path(source, "show");
}

Description ready_or_throw(const std::string& line, const std::string& point) {
  std::string cause;
  const auto json = text::parse_json(line, &cause);
  if (json && json->is_object()) {
    if (const auto error = text::string_at(json->as_object(), "error")) throw os::Error(*error);
    const auto* ready = text::object_at(json->as_object(), "ready");
    const auto description = ready != nullptr ? description_from_json(*ready) : std::nullopt;
    if (description) return *description;
  }
  throw os::Error(
      fmt::format("cannot mount a stand-in at {}: its server ended or did not answer", point));
}

}  // namespace

struct StandIn::Process {
  ~Process();

  std::vector<std::unique_ptr<MountPoint>> points;  // the first is Setup::mount_point
  Description description;
  os::Fd owner;  // the server ends when this closes
  std::optional<os::Subprocess> server;
};

StandIn::Process::~Process() {
  owner.reset();
  if (server && !server->wait_until(os::Clock::now() + k_stop_limit)) {
    server->send_signal(SIGKILL);
    server->wait_until(os::Clock::now() + k_stop_limit);
  }
  points.clear();  // before a server that is stuck is waited for
}

StandIn::StandIn(const Options& options, const Description& known)
    : process_(std::make_unique<Process>()) {
  check_pace(options.pace);
  const std::string source = checked_source(options.source);
  const os::Availability here = available();
  if (!here.ok) {
    throw os::Error(fmt::format("cannot mount a stand-in for {}: {}", source, here.reason));
  }
  std::vector<std::string> given{options.mount_point};
  given.insert(given.end(), options.more_mount_points.begin(), options.more_mount_points.end());
  std::vector<std::string> made;
  std::vector<std::string> around;
  std::vector<std::string> more;
  for (const std::string& one : given) {
    process_->points.push_back(std::make_unique<MountPoint>(one, source));
    const MountPoint& point = *process_->points.back();
    made.insert(made.end(), point.made().begin(), point.made().end());
    if (!point.made().empty()) around.push_back(point.made().back());
    if (process_->points.size() > 1) more.push_back(point.path());
  }
  const std::string& point = path();
  Description wanted = known;
  static_cast<Setup&>(wanted) = options;
  wanted.source = source;
  wanted.mount_point = point;
  text::json::object request = to_json(wanted);
  request["more"] = text::json::value_from(more);
  request["remove"] = text::json::value_from(made);
  request["hold"] = text::json::value_from(around);

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
  const std::string line = os::read_line(output.read_end, os::Clock::now() + k_start_limit);
  if (os::interrupted()) throw os::Error("interrupted while a stand-in was being mounted");
  process_->description = ready_or_throw(line, point);
}

StandIn::~StandIn() = default;
StandIn::StandIn(StandIn&& other) noexcept = default;

const std::string& StandIn::path() const { return process_->points.front()->path(); }

std::vector<std::string> StandIn::mount_points() const {
  std::vector<std::string> paths;
  for (const auto& point : process_->points) paths.push_back(point->path());
  return paths;
}

pid_t StandIn::pid() const { return process_->server->pid(); }

int StandIn::pid_fd() const { return process_->server->pid_fd(); }

bool StandIn::serving() { return !process_->server->try_wait(); }

os::ExitStatus StandIn::wait() { return process_->server->wait(); }

const Description& StandIn::description() const { return process_->description; }

void StandIn::abort() noexcept {
  // With the server's last descriptor the kernel closes the connection; where a stuck server
  // keeps it, forcing does (root).
  process_->server->send_signal(SIGKILL);
  for (const auto& point : process_->points) {
    ::umount2(point->path().c_str(), MNT_FORCE | MNT_DETACH);
  }
}

os::Availability available() {
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
    if (os::has_capability(CAP_SYS_ADMIN)) return {true, ""};
    return {false,
            "root here may not mount (no CAP_SYS_ADMIN): docker run --cap-add SYS_ADMIN "
            "--security-opt apparmor=unconfined"};
  }
  if (!os::find_program("fusermount3").empty()) return {true, ""};
  return {false, "only root can mount without fusermount3: install the package fuse3"};
}

std::optional<Description> describe(const std::string& path) {
  const auto text = storage::stand_in_attribute(path, storage::k_stand_in_attribute);
  if (!text) return std::nullopt;
  std::string cause;
  const auto json = text::parse_json(*text, &cause);
  if (!json || !json->is_object()) return std::nullopt;
  return description_from_json(json->as_object());
}

}  // namespace coldload::stand_in
