#include "process/ready_url.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include "os/error.h"
#include "process/port.h"

namespace coldload::process {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& cause) {
  throw os::Error(fmt::format(
      "cannot use the ready URL {}: {}; it reads http://HOST:PORT/PATH, https likewise, or "
      "http://unix:SOCKET:/PATH",
      text, cause));
}

// "/path?query" of what follows the host.
std::string target_of(std::string_view path) {
  std::string target(path.substr(0, path.find('#')));
  if (target.empty() || target.front() != '/') target.insert(0, "/");
  return target;
}

// unix:PATH:/path, but not unix:8000, a host of that name.
bool take_socket(std::string_view rest, ReadyUrl* url) {
  constexpr std::string_view k_unix = "unix:";
  if (!rest.starts_with(k_unix)) return false;
  rest.remove_prefix(k_unix.size());
  if (rest.empty() || (rest.front() >= '0' && rest.front() <= '9')) return false;
  const std::size_t colon = rest.find(":/");
  url->socket_path = rest.substr(0, colon);
  url->target = target_of(colon == std::string_view::npos ? "" : rest.substr(colon + 1));
  url->host = "localhost";
  url->port = 0;
  if (url->socket_path.size() >= sizeof(sockaddr_un::sun_path)) {
    refuse(url->text, "its socket's path is longer than 107 characters");
  }
  return true;
}

// host:port
void take_authority(std::string_view rest, ReadyUrl* url) {
  // Not repeated in the message: it may be a password.
  if (rest.find('@') != std::string_view::npos) refuse("given", "it holds a user name");
  std::string_view port = rest;  // behind the host, once that is taken
  if (!port.empty() && port.front() == '[') {
    const std::size_t close = port.find(']');
    if (close == std::string_view::npos) refuse(url->text, "its IPv6 address is not closed by ]");
    url->host = port.substr(1, close - 1);
    port.remove_prefix(close + 1);
  } else {
    url->host = port.substr(0, port.find(':'));
    port.remove_prefix(url->host.size());
  }
  if (url->host.empty()) refuse(url->text, "it names no host");
  if (port.empty()) return;
  if (port.front() != ':') refuse(url->text, "its port is not set off by a colon");
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data() + 1, end, url->port);
  if (error != std::errc() || stop != end || url->port == 0) {
    refuse(url->text, "its port is not a number from 1 to 65535");
  }
}

SocketAddress unix_address(const std::string& path) {
  SocketAddress address;
  auto& raw = reinterpret_cast<sockaddr_un&>(address.storage);
  raw.sun_family = AF_UNIX;
  std::memcpy(raw.sun_path, path.c_str(), path.size() + 1);
  address.length = sizeof raw;
  return address;
}

// Only an address of this machine can be bound to.
bool is_own(const SocketAddress& address) {
  if (address.family() == AF_UNIX || address.is_loopback()) return true;
  const os::Fd socket = open_stream_socket(address.family());
  SocketAddress any_port = address;
  auto& port = address.family() == AF_INET
                   ? reinterpret_cast<sockaddr_in&>(any_port.storage).sin_port
                   : reinterpret_cast<sockaddr_in6&>(any_port.storage).sin6_port;
  port = 0;
  return socket.valid() && ::bind(socket.get(), any_port.raw(), any_port.length) == 0;
}

const sockaddr_in& ipv4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}

const sockaddr_in6& ipv6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

}  // namespace

ReadyUrl parse_ready_url(std::string_view text) {
  constexpr std::string_view k_plain = "http://";
  constexpr std::string_view k_tls = "https://";
  constexpr std::uint16_t k_tls_port = 443;
  ReadyUrl url;
  url.text = text;
  if (text.size() > 2048) refuse(text.substr(0, 40), "it is longer than 2048 characters");
  for (const char c : text) {
    if (c <= ' ' || c > '~')
      refuse("given", "it holds a blank, a control or a non-ASCII character");
  }
  if (text.starts_with(k_tls)) {
    url.security = Security::tls;
    url.port = k_tls_port;
    text.remove_prefix(k_tls.size());
  } else if (text.starts_with(k_plain)) {
    text.remove_prefix(k_plain.size());
  } else {
    refuse(text, "it does not begin with http:// or https://");
  }
  if (take_socket(text, &url)) return url;
  const std::size_t path_at = std::min(text.find_first_of("/?#"), text.size());
  url.target = target_of(text.substr(path_at));
  take_authority(text.substr(0, path_at), &url);
  return url;
}

bool needs_no_name_server(const ReadyUrl& url) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return url.host == "localhost" || ::inet_pton(AF_INET, url.host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, url.host.c_str(), address.data()) == 1;
}

std::string authority_of(const ReadyUrl& url) {
  if (!url.socket_path.empty()) return url.host;
  const bool is_ipv6_literal = url.host.find(':') != std::string::npos;
  return is_ipv6_literal ? fmt::format("[{}]:{}", url.host, url.port)
                         : fmt::format("{}:{}", url.host, url.port);
}

std::string place_of(const ReadyUrl& url) {
  return url.socket_path.empty() ? fmt::format("port {}", url.port)
                                 : fmt::format("socket {}", url.socket_path);
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_UNIX) return 0;
  return ntohs(family() == AF_INET ? ipv4(*this).sin_port : ipv6(*this).sin6_port);
}

bool SocketAddress::is_loopback() const {
  constexpr std::uint32_t k_loopback_network = 127;
  if (family() == AF_UNIX) return false;
  if (family() == AF_INET) return ntohl(ipv4(*this).sin_addr.s_addr) >> 24 == k_loopback_network;
  return IN6_IS_ADDR_LOOPBACK(&ipv6(*this).sin6_addr);
}

std::vector<SocketAddress> resolve(const ReadyUrl& url) {
  if (!url.socket_path.empty()) return {unix_address(url.socket_path)};
  constexpr std::size_t k_address_limit = 4;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(url.port);
  const int error = ::getaddrinfo(url.host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    throw os::Error(fmt::format("cannot find the host of the ready URL {}: {}", url.text,
                                ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    if (addresses.size() == k_address_limit) break;
    SocketAddress address;
    address.length = entry->ai_addrlen;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    addresses.push_back(address);
  }
  if (addresses.empty()) throw os::Error(fmt::format("{} has no IP address", url.host));
  return addresses;
}

bool is_loopback(const ReadyUrl& url) {
  const std::vector<SocketAddress> addresses = resolve(url);
  return std::all_of(addresses.begin(), addresses.end(),
                     [](const SocketAddress& address) { return address.is_loopback(); });
}

bool is_of_this_machine(const ReadyUrl& url) {
  const std::vector<SocketAddress> addresses = resolve(url);
  return std::all_of(addresses.begin(), addresses.end(), is_own);
}

os::Fd open_stream_socket(int family) {
  return {::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"};
}

int begin_connect(const os::Fd& socket, const SocketAddress& address) {
  const bool begun = ::connect(socket.get(), address.raw(), address.length) == 0;
  return begun || errno == EINPROGRESS ? 0 : errno;
}

int connect_result(const os::Fd& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void require_silent(const ReadyUrl& url) {
  constexpr int k_patience_ms = 300;
  for (const SocketAddress& address : resolve(url)) {
    const os::Fd socket = open_stream_socket(address.family());
    if (!socket.valid() || begin_connect(socket, address) != 0) continue;
    pollfd entry{socket.get(), POLLOUT, 0};
    if (::poll(&entry, 1, k_patience_ms) != 1 || connect_result(socket) != 0) continue;
    if (!url.socket_path.empty()) {
      throw os::Error(fmt::format(
          "cannot start a server: another one listens at {}, which would be taken for the new one; "
          "stop it, or use another socket",
          place_of(url)));
    }
    throw os::Error(fmt::format(
        "cannot start a server: port {} is taken by {}, which would be taken for the new server; "
        "stop it, or use another port ({{port}} in the server's command chooses a free one)",
        url.port, describe_owner(url.port)));
  }
}

}  // namespace coldload::process
