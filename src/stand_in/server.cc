#include "stand_in/server.h"

#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/descriptor_limit.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/held_directory.h"
#include "os/kernel_text.h"
#include "stand_in/description.h"
#include "stand_in/file_system.h"
#include "stand_in/mount_point.h"

namespace coldload::stand_in {

namespace {

struct Request {
  Description wanted;               // of the first mount
  std::vector<std::string> more;    // mount points of further ones
  std::vector<std::string> remove;  // directories that were made for the mounts
  std::vector<std::string> hold;    // of these, one around each mount
};

Request parse_request(std::string_view text) {
  std::string cause = "not a request of coldload's own";
  const auto json = text::parse_json(text, &cause);
  const auto wanted =
      json && json->is_object() ? description_from_json(json->as_object()) : std::nullopt;
  if (!wanted) throw os::Error("cannot serve a stand-in: " + cause);
  check_pace(wanted->pace);
  const text::json::object& object = json->as_object();
  return {*wanted, text::strings_at(object, "more"), text::strings_at(object, "remove"),
          text::strings_at(object, "hold")};
}

// Sets the mount's readahead, where allowed, and returns what it is then.
std::optional<std::uint64_t> set_readahead(const std::string& mount_point, std::uint64_t bytes) {
  const auto mount = stand_in_at(mount_point);
  if (!mount) return std::nullopt;
  const std::string setting =
      fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", mount->major, mount->minor);
  try {
    os::write_full(os::open_file(setting, O_WRONLY), std::to_string(bytes >> 10));
  } catch (const os::Error&) {
    // Not root, or /sys is read-only: the figure below says so.
  }
  const auto kib = os::number_of(os::try_read_text(setting).value_or(""));
  return kib ? std::optional(*kib << 10) : std::nullopt;
}

// Mounts what is `wanted`, and completes it by how it came to be.
std::unique_ptr<FileSystem> mount(const std::shared_ptr<Line>& line, Description* wanted) {
  auto file_system = std::make_unique<FileSystem>(*wanted, line);
  wanted->server_pid = ::getpid();
  wanted->request_bytes = file_system->request_bytes();
  wanted->readahead_bytes = set_readahead(
      wanted->mount_point, wanted->readahead_bytes.value_or(needed_readahead(wanted->pace)));
  file_system->set_description(text::to_line(to_json(*wanted)));
  return file_system;
}

void say(const text::json::object& line) {
  try {
    os::write_full(os::Fd(::dup(STDOUT_FILENO), "standard output"), text::to_line(line) + "\n");
  } catch (const os::Error&) {
    // The owner is gone, which serve() sees.
  }
}

}  // namespace

int serve(std::string_view request, int owner_fd) {
  Request parsed;
  std::vector<os::Fd> held;  // what its owner made: see clear_leftovers()
  ServeEnd end = ServeEnd::owner_gone;
  int exit_code = 0;
  try {
    parsed = parse_request(request);
    ::prctl(PR_SET_NAME, "coldload-shape", 0, 0, 0);
    for (const std::string& directory : parsed.hold) held.push_back(os::hold_directory(directory));
    os::raise_descriptor_limit();  // one for each file that the kernel remembers
    const auto line = std::make_shared<Line>(parsed.wanted.pace);
    std::vector<std::unique_ptr<FileSystem>> mounts;
    for (const std::string& point : parsed.more) {
      Description another = parsed.wanted;
      another.mount_point = point;
      mounts.push_back(mount(line, &another));
    }
    mounts.push_back(mount(line, &parsed.wanted));
    say({{"ready", to_json(parsed.wanted)}});
    end = serve(mounts, owner_fd);
  } catch (const os::Error& error) {
    say({{"error", error.what()}});
    exit_code = 1;
  }
  for (const std::string& directory : parsed.remove) os::remove_held_directory(directory);
  if (end == ServeEnd::source_gone) exit_code = k_exit_source_gone;
  return exit_code;
}

}  // namespace coldload::stand_in
