#include "process/port.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <random>
#include <set>
#include <sstream>
#include <string_view>

#include <arpa/inet.h>
#include <dirent.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/path.h"
#include "os/proc.h"

namespace coldload::process {

namespace {

enum class Addresses { loopback, any };

// Whether a server could listen there. SO_REUSEADDR as servers set it: connections of an earlier
// server that wait in TIME_WAIT take nothing. What is not EADDRINUSE (no IPv6, a privileged port)
// says nothing about others.
bool can_bind(int family, Addresses addresses, std::uint16_t port) {
  const os::Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  if (!socket.valid()) return true;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (family == AF_INET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(addresses == Addresses::any ? INADDR_ANY : INADDR_LOOPBACK);
    length = sizeof address;
    std::memcpy(&storage, &address, sizeof address);
  } else {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = addresses == Addresses::any ? in6addr_any : in6addr_loopback;
    length = sizeof address;
    std::memcpy(&storage, &address, sizeof address);
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    return errno != EADDRINUSE;
  }
  return ::listen(socket.get(), 1) == 0 || errno != EADDRINUSE;
}

// The inodes of the sockets that listen on `port`, from one of /proc/net/tcp and tcp6: lines of
// "sl local_address rem_address st queues timer retrnsmt uid timeout inode ...".
void add_listeners(const std::string& path, std::uint16_t port, std::set<std::uint64_t>& inodes) {
  constexpr std::size_t k_limit_bytes = 64 << 20;  // 400,000 connections
  const auto text = os::try_read_text(path, k_limit_bytes);
  if (!text) return;
  const std::string suffix = fmt::format(":{:04X}", port);
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout;
    std::uint64_t inode = 0;
    fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
        timeout >> inode;
    if (!fields || state != "0A" || local.size() < suffix.size()) continue;
    if (local.compare(local.size() - suffix.size(), suffix.size(), suffix) == 0) {
      inodes.insert(inode);
    }
  }
}

std::set<std::uint64_t> listeners(std::uint16_t port) {
  std::set<std::uint64_t> inodes;
  add_listeners("/proc/net/tcp", port, inodes);
  add_listeners("/proc/net/tcp6", port, inodes);
  return inodes;
}

// Whether the process has one of the sockets open; nothing where its descriptors are closed to us.
std::optional<bool> has_socket(pid_t pid, const std::set<std::uint64_t>& inodes) {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  bool found = false;
  const bool open = os::for_each_name(folder, [&](const char* name) {
    std::array<char, 64> target{};
    const std::string link = folder + "/" + name;
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    std::string_view text(target.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    constexpr std::string_view k_prefix = "socket:[";
    if (text.substr(0, k_prefix.size()) != k_prefix) return true;
    text.remove_prefix(k_prefix.size());
    std::uint64_t inode = 0;
    std::from_chars(text.data(), text.data() + text.size(), inode);
    found = inodes.count(inode) != 0;
    return !found;
  });
  return open ? std::optional(found) : std::nullopt;
}

}  // namespace

std::uint16_t choose_free_port() {
  // Below 32768, where the range of outgoing connections begins unless someone moved it.
  constexpr int k_first = 20000;
  constexpr int k_last = 32000;
  constexpr int k_attempts = 200;
  std::random_device device;
  std::uniform_int_distribution<int> any_port(k_first, k_last);
  for (int attempt = 0; attempt < k_attempts; ++attempt) {
    const auto port = static_cast<std::uint16_t>(any_port(device));
    if (can_bind(AF_INET, Addresses::any, port) && can_bind(AF_INET6, Addresses::any, port)) {
      return port;
    }
  }
  throw os::Error(fmt::format("cannot find a free TCP port between {} and {}: give one with --port",
                              k_first, k_last));
}

std::optional<PortOwner> port_owner(std::uint16_t port) {
  const std::set<std::uint64_t> inodes = listeners(port);
  if (inodes.empty()) return std::nullopt;
  for (const os::ProcessInfo& process : os::all_processes()) {
    if (has_socket(process.pid, inodes).value_or(false)) {
      return PortOwner{process.pid, process.name};
    }
  }
  return std::nullopt;
}

std::optional<bool> port_is_held_by(std::uint16_t port, const std::vector<pid_t>& pids) {
  const std::set<std::uint64_t> inodes = listeners(port);
  if (inodes.empty()) return std::nullopt;
  bool all_seen = true;
  for (const pid_t pid : pids) {
    const auto held = has_socket(pid, inodes);
    if (held.value_or(false)) return true;
    all_seen = all_seen && held.has_value();
  }
  if (!all_seen) return std::nullopt;
  return false;
}

std::string describe_owner(std::uint16_t port) {
  const auto owner = port_owner(port);
  return owner ? fmt::format("pid {} ({})", owner->pid, owner->name) : "another process";
}

bool port_is_free(std::uint16_t port) {
  return can_bind(AF_INET, Addresses::loopback, port) &&
         can_bind(AF_INET6, Addresses::loopback, port);
}

void require_port_free(std::uint16_t port) {
  if (port_is_free(port)) return;
  throw os::Error(
      fmt::format("cannot start a server: port {} is taken by {}; stop that process, or use "
                  "another port ({{port}} in the server's command chooses a free one)",
                  port, describe_owner(port)));
}

}  // namespace coldload::process
