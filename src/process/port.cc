#include "process/port.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <random>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/path.h"
#include "os/proc.h"
#include "process/ready_url.h"

namespace coldload::process {

namespace {

// Whether a server could listen on an address. SO_REUSEADDR as servers set it: connections of an
// earlier server that wait in TIME_WAIT take nothing. What is not EADDRINUSE (no IPv6, a privileged
// port) says nothing about others.
bool can_bind(const std::string& host, std::uint16_t port) {
  ReadyUrl url;
  url.host = host;
  url.port = port;
  const SocketAddress address = resolve(url).front();
  const os::Fd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  if (!socket.valid()) return true;
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) {
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  const bool bound = ::bind(socket.get(), address.raw(), address.length) == 0;
  return (bound && ::listen(socket.get(), 1) == 0) || errno != EADDRINUSE;
}

// A name that is given once in a network namespace and ends with who holds it (unix(7), abstract
// sockets): a server that is slow to listen does not lose its port to one that is started
// meanwhile. Nothing where another has it; not valid where there are no such sockets.
std::optional<os::Fd> claim_port(std::uint16_t port) {
  os::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  if (!socket.valid()) return socket;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("coldload-port-{}", port);
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length);
  if (bound != 0 && errno == EADDRINUSE) return std::nullopt;
  return socket;
}

// The sockets that listen on `port`, as the links of /proc/PID/fd name them. In /proc/net/tcp and
// tcp6 a line each: "sl local_address rem_address st queues timer retrnsmt uid timeout inode ...".
std::set<std::string> listeners(std::uint16_t port) {
  constexpr std::size_t k_limit_bytes = 64 << 20;  // 400,000 connections
  const std::string suffix = fmt::format(":{:04X}", port);
  std::set<std::string> sockets;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::istringstream lines(os::try_read_text(path, k_limit_bytes).value_or(""));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream stream(line);
      const std::vector<std::string> fields{std::istream_iterator<std::string>(stream), {}};
      if (fields.size() >= 10 && fields[3] == "0A" && fields[1].ends_with(suffix)) {
        sockets.insert(fmt::format("socket:[{}]", fields[9]));
      }
    }
  }
  return sockets;
}

// Whether the process has one of the sockets open; nothing where its descriptors are closed to us.
std::optional<bool> has_socket(pid_t pid, const std::set<std::string>& sockets) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::directory_iterator entry(fmt::format("/proc/{}/fd", pid), error);
  if (error) return std::nullopt;
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code gone;
    if (sockets.count(fs::read_symlink(entry->path(), gone).string()) != 0) return true;
  }
  return false;
}

// The same of a Unix socket, by the path that it was bound to. In /proc/net/unix a line each: "num
// refcount protocol flags type st inode path"; flag 0x10000: it listens.
std::set<std::string> listeners(const std::string& path) {
  constexpr std::size_t k_limit_bytes = 64 << 20;
  std::set<std::string> sockets;
  std::istringstream lines(os::try_read_text("/proc/net/unix", k_limit_bytes).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream stream(line);
    const std::vector<std::string> fields{std::istream_iterator<std::string>(stream), {}};
    if (fields.size() == 8 && fields[3] == "00010000" && fields[7] == path) {
      sockets.insert(fmt::format("socket:[{}]", fields[6]));
    }
  }
  return sockets;
}

std::optional<PortOwner> owner_of(const std::set<std::string>& sockets) {
  if (sockets.empty()) return std::nullopt;
  for (const os::ProcessInfo& process : os::all_processes()) {
    if (has_socket(process.pid, sockets).value_or(false)) {
      return PortOwner{process.pid, process.name};
    }
  }
  return std::nullopt;
}

std::optional<PortOwner> foreign_owner_of(const std::set<std::string>& sockets,
                                          const std::vector<pid_t>& ours) {
  for (const pid_t pid : ours) {
    if (has_socket(pid, sockets).value_or(true)) return std::nullopt;
  }
  return owner_of(sockets);
}

}  // namespace

ReservedPort reserve_free_port() {
  // Below 32768, where the range of outgoing connections begins unless someone moved it.
  constexpr int k_first = 20000;
  constexpr int k_last = 32000;
  constexpr int k_attempts = 200;
  std::random_device device;
  std::uniform_int_distribution<int> any_port(k_first, k_last);
  for (int attempt = 0; attempt < k_attempts; ++attempt) {
    const auto port = static_cast<std::uint16_t>(any_port(device));
    std::optional<os::Fd> claim = claim_port(port);
    if (claim && can_bind("0.0.0.0", port) && can_bind("::", port)) {
      return {port, std::move(*claim)};
    }
  }
  throw os::Error(fmt::format("cannot find a free TCP port between {} and {}: give one with --port",
                              k_first, k_last));
}

std::uint16_t choose_free_port() { return reserve_free_port().number(); }

std::optional<PortOwner> port_owner(std::uint16_t port) { return owner_of(listeners(port)); }

std::optional<PortOwner> foreign_port_owner(std::uint16_t port, const std::vector<pid_t>& ours) {
  return foreign_owner_of(listeners(port), ours);
}

std::optional<PortOwner> foreign_owner(const ReadyUrl& url, const std::vector<pid_t>& ours) {
  if (url.socket_path.empty()) return foreign_port_owner(url.port, ours);
  return foreign_owner_of(listeners(url.socket_path), ours);
}

void remove_dead_socket(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  ReadyUrl url;
  url.socket_path = path;
  const SocketAddress address = resolve(url).front();
  const os::Fd socket = open_stream_socket(address.family());
  if (socket.valid() && begin_connect(socket, address) == ECONNREFUSED) ::unlink(path.c_str());
}

std::string describe_owner(std::uint16_t port) {
  const auto owner = port_owner(port);
  return owner ? fmt::format("pid {} ({})", owner->pid, owner->name) : "another process";
}

bool port_is_free(std::uint16_t port) {
  return can_bind("127.0.0.1", port) && can_bind("::1", port);
}

void require_port_free(std::uint16_t port) {
  if (port_is_free(port)) return;
  throw os::Error(
      fmt::format("cannot start a server: port {} is taken by {}; stop that process, or use "
                  "another port ({{port}} in the server's command chooses a free one)",
                  port, describe_owner(port)));
}

}  // namespace coldload::process
