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

#include "os/error.h"
#include "process/port.h"

namespace coldload::process {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& cause) {
  throw os::Error(
      fmt::format("cannot use the ready URL {}: {}; it reads http://HOST:PORT/PATH", text, cause));
}

const sockaddr_in& ipv4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}

const sockaddr_in6& ipv6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

}  // namespace

ReadyUrl parse_ready_url(std::string_view text) {
  constexpr std::string_view k_scheme = "http://";
  ReadyUrl url;
  url.text = text;
  if (text.size() > 2048) refuse(text.substr(0, 40), "it is longer than 2048 characters");
  for (const char c : text) {
    if (c <= ' ' || c > '~')
      refuse("given", "it holds a blank, a control or a non-ASCII character");
  }
  if (text.substr(0, k_scheme.size()) != k_scheme) refuse(text, "it does not begin with http://");
  const std::string_view rest = text.substr(k_scheme.size());
  const std::size_t path_at = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view path = rest.substr(path_at);
  url.target = path.substr(0, path.find('#'));
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  std::string_view port = rest.substr(0, path_at);  // behind the host, once that is taken
  // Not repeated in the message: it may be a password.
  if (port.find('@') != std::string_view::npos) refuse("given", "it holds a user name");
  if (!port.empty() && port.front() == '[') {
    const std::size_t close = port.find(']');
    if (close == std::string_view::npos) refuse(text, "its IPv6 address is not closed by ]");
    url.host = port.substr(1, close - 1);
    port.remove_prefix(close + 1);
  } else {
    url.host = port.substr(0, port.find(':'));
    port.remove_prefix(url.host.size());
  }
  if (url.host.empty()) refuse(text, "it names no host");
  if (port.empty()) return url;
  if (port.front() != ':') refuse(text, "its port is not set off by a colon");
  const char* const end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data() + 1, end, url.port);
  if (error != std::errc() || stop != end || url.port == 0) {
    refuse(text, "its port is not a number from 1 to 65535");
  }
  return url;
}

bool needs_no_name_server(const ReadyUrl& url) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return url.host == "localhost" || ::inet_pton(AF_INET, url.host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, url.host.c_str(), address.data()) == 1;
}

std::string authority_of(const ReadyUrl& url) {
  const bool is_ipv6_literal = url.host.find(':') != std::string::npos;
  return is_ipv6_literal ? fmt::format("[{}]:{}", url.host, url.port)
                         : fmt::format("{}:{}", url.host, url.port);
}

std::uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET ? ipv4(*this).sin_port : ipv6(*this).sin6_port);
}

bool SocketAddress::is_loopback() const {
  constexpr std::uint32_t k_loopback_network = 127;
  if (family() == AF_INET) return ntohl(ipv4(*this).sin_addr.s_addr) >> 24 == k_loopback_network;
  return IN6_IS_ADDR_LOOPBACK(&ipv6(*this).sin6_addr);
}

std::vector<SocketAddress> resolve(const ReadyUrl& url) {
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

os::Fd open_tcp_socket(int family) {
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
    const os::Fd socket = open_tcp_socket(address.family());
    if (!socket.valid() || begin_connect(socket, address) != 0) continue;
    pollfd entry{socket.get(), POLLOUT, 0};
    if (::poll(&entry, 1, k_patience_ms) != 1 || connect_result(socket) != 0) continue;
    throw os::Error(fmt::format(
        "cannot start a server: port {} is taken by {}, which would be taken for the new server; "
        "stop it, or use another port ({{port}} in the server's command chooses a free one)",
        url.port, describe_owner(url.port)));
  }
}

}  // namespace coldload::process
