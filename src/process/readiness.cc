#include "process/readiness.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <sstream>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include "os/error.h"
#include "os/file.h"
#include "process/port.h"

namespace coldload::process {

namespace {

using std::chrono::milliseconds;

constexpr auto k_pause_refused = milliseconds(2);
constexpr auto k_pause_answered = milliseconds(4);
constexpr auto k_pause_silent = milliseconds(250);
// With all requests open, the youngest makes way for a new one: a server that lost them all when it
// restarted is still found, and the oldest keep their place in its queue.
constexpr auto k_renew_youngest = std::chrono::seconds(1);
constexpr std::size_t k_pending_limit = 4;
constexpr std::size_t k_status_line_limit_bytes = 1024;
// An answer that is not 200 is read on before the connection is closed, so that the server does not
// see a reset while it is writing; not for ever, and not for many at a time.
constexpr auto k_drain_limit = milliseconds(250);
constexpr std::size_t k_drain_limit_bytes = 64 << 10;
constexpr std::size_t k_draining_limit = 8;

std::uint16_t port_of(const SocketAddress& address) {
  if (address.family() == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
}

const sockaddr* raw(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

// The range that the kernel takes the source ports of connections from.
bool is_ephemeral(std::uint16_t port) {
  int first = 32768;
  int last = 60999;
  if (const auto text = os::try_read_text("/proc/sys/net/ipv4/ip_local_port_range")) {
    std::istringstream(*text) >> first >> last;
  }
  return port >= first && port <= last;
}

[[noreturn]] void refuse(std::string_view text, const std::string& cause) {
  throw os::Error(
      fmt::format("cannot use the ready URL {}: {}; it reads http://HOST:PORT/PATH", text, cause));
}

}  // namespace

bool needs_no_name_server(const ReadyUrl& url) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return url.host == "localhost" || ::inet_pton(AF_INET, url.host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, url.host.c_str(), address.data()) == 1;
}

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
  std::string_view rest = text.substr(k_scheme.size());
  const std::size_t path_at = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, path_at);
  if (path_at != std::string_view::npos) {
    const std::string_view path = rest.substr(path_at);
    url.target = path.substr(0, path.find('#'));
    if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  }
  // Not repeated in the message: it may be a password.
  if (authority.find('@') != std::string_view::npos) refuse("given", "it holds a user name");
  std::string_view port;
  bool has_port = false;
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) refuse(text, "its IPv6 address is not closed by ]");
    url.host = authority.substr(1, close - 1);
    authority.remove_prefix(close + 1);
    has_port = !authority.empty();
    if (has_port && authority.front() != ':') refuse(text, "its port is not set off by a colon");
    if (has_port) port = authority.substr(1);
  } else {
    const std::size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = authority.substr(colon + 1);
  }
  if (url.host.empty()) refuse(text, "it names no host");
  if (has_port) {
    const char* const end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data(), end, url.port);
    if (error != std::errc() || stop != end || url.port == 0) {
      refuse(text, "its port is not a number from 1 to 65535");
    }
  }
  return url;
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

void require_silent(const ReadyUrl& url) {
  constexpr int k_patience_ms = 300;
  for (const SocketAddress& address : resolve(url)) {
    const os::Fd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                        "socket");
    if (!socket.valid()) continue;
    if (::connect(socket.get(), raw(address), address.length) != 0) {
      if (errno != EINPROGRESS) continue;
      pollfd entry{socket.get(), POLLOUT, 0};
      if (::poll(&entry, 1, k_patience_ms) != 1) continue;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) continue;
    }
    const auto owner = port_owner(url.port);
    const std::string by =
        owner ? fmt::format("pid {} ({})", owner->pid, owner->name) : "another process";
    throw os::Error(fmt::format(
        "cannot start a server: port {} is taken by {}, which would be taken for the new server; "
        "stop it, or use another port ({{port}} in the server's command chooses a free one)",
        url.port, by));
  }
}

ReadinessProbe::ReadinessProbe(const ReadyUrl& url, std::chrono::nanoseconds least_pause)
    : url_(url), addresses_(resolve(url)), least_pause_(least_pause) {
  const bool is_ipv6_literal = url.host.find(':') != std::string::npos;
  request_ = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}{}{}:{}\r\nUser-Agent: coldload\r\nAccept: */*\r\n"
      "Connection: close\r\n\r\n",
      url.target, is_ipv6_literal ? "[" : "", url.host, is_ipv6_literal ? "]" : "", url.port);
  port_is_ephemeral_ = is_ephemeral(url.port);
}

void ReadinessProbe::add_to(std::vector<pollfd>& entries) const {
  for (const Connection& connection : connections_) {
    const short events = connection.state == State::connecting ? POLLOUT : POLLIN;
    entries.push_back({connection.socket.get(), events, 0});
  }
}

std::size_t ReadinessProbe::count(State state) const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [&](const Connection& connection) { return connection.state == state; }));
}

std::size_t ReadinessProbe::pending() const {
  return count(State::connecting) + count(State::waiting);
}

os::TimePoint ReadinessProbe::due() const {
  return last_start_ +
         std::max(least_pause_, pending() < k_pending_limit ? pause_ : k_renew_youngest);
}

bool ReadinessProbe::advance() {
  if (ready_at_) return true;
  for (Connection& connection : connections_) {
    proceed(connection);
    if (ready_at_) break;
  }
  if (!ready_at_ && os::Clock::now() >= due()) start();
  if (ready_at_) {
    connections_.clear();
    return true;
  }
  const os::TimePoint now = os::Clock::now();
  std::size_t draining = count(State::draining);
  for (Connection& connection : connections_) {  // oldest first
    if (connection.state != State::draining) continue;
    const bool too_long = now - connection.started_at > k_drain_limit + k_pause_silent;
    if (draining > k_draining_limit || too_long || connection.drained_bytes > k_drain_limit_bytes) {
      connection.state = State::closed;
      --draining;
    }
  }
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(),
                                    [](const Connection& c) { return c.state == State::closed; }),
                     connections_.end());
  return false;
}

// A connection to a port of this machine that nobody listens on can, by the kernel's choice of the
// same number as its source, connect to itself: it would look like an open port and keep the server
// from binding it. Where the port lies in the range of source ports, another one is fixed first.
os::Fd ReadinessProbe::open_socket(const SocketAddress& address) const {
  constexpr int k_attempts = 3;
  for (int attempt = 0; attempt < k_attempts; ++attempt) {
    os::Fd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                  "socket");
    if (!socket.valid() || !port_is_ephemeral_) return socket;
    SocketAddress own;
    own.storage.ss_family = static_cast<sa_family_t>(address.family());
    own.length = address.length;
    if (::bind(socket.get(), raw(own), own.length) != 0) return socket;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.length);
    if (port_of(own) != url_.port) return socket;
  }
  return {};
}

void ReadinessProbe::start() {
  if (pending() >= k_pending_limit) {
    Connection* youngest = nullptr;
    for (Connection& connection : connections_) {
      if (connection.state != State::draining) youngest = &connection;
    }
    youngest->state = State::closed;
  }
  last_start_ = os::Clock::now();
  for (std::size_t tried = 0; tried < addresses_.size(); ++tried) {
    pause_ = k_pause_silent;
    Connection connection;
    connection.address = next_address_;
    connection.started_at = last_start_;
    const SocketAddress& address = addresses_[next_address_];
    connection.socket = open_socket(address);
    if (!connection.socket.valid()) {
      fail(connection, "no socket: " + os::error_text(errno));
      return;
    }
    if (::connect(connection.socket.get(), raw(address), address.length) != 0 &&
        errno != EINPROGRESS) {
      fail(connection, os::error_text(errno));
    } else {
      proceed(connection);
    }
    if (connection.state != State::closed) {
      connections_.push_back(std::move(connection));
      return;
    }
    if (ready_at_) return;
  }
}

void ReadinessProbe::proceed(Connection& connection) {
  if (connection.state == State::connecting) connect_done(connection);
  if (connection.state == State::waiting) send_request(connection);
  if (connection.state == State::waiting || connection.state == State::draining) {
    read_answer(connection);
  }
}

void ReadinessProbe::connect_done(Connection& connection) {
  pollfd entry{connection.socket.get(), POLLOUT, 0};
  if (::poll(&entry, 1, 0) != 1) return;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(connection.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(connection, os::error_text(error));
  if (!port_open_at_) port_open_at_ = os::Clock::now();
  connection.state = State::waiting;
}

void ReadinessProbe::send_request(Connection& connection) {
  while (connection.sent_bytes < request_.size()) {
    const ssize_t put = ::send(connection.socket.get(), request_.data() + connection.sent_bytes,
                               request_.size() - connection.sent_bytes, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno != EAGAIN) return fail(connection, os::error_text(errno));
    if (put < 0) return;
    connection.sent_bytes += static_cast<std::size_t>(put);
  }
}

void ReadinessProbe::read_answer(Connection& connection) {
  std::array<char, 4096> buffer;
  // A few reads at a time: an endless answer must not hold up the others.
  constexpr int k_reads = 16;
  for (int i = 0; i < k_reads; ++i) {
    const ssize_t got = ::recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      if (connection.state == State::draining) {
        connection.state = State::closed;
        return;
      }
      return fail(connection, got == 0 ? "closed without an answer" : os::error_text(errno));
    }
    const auto bytes = static_cast<std::size_t>(got);
    if (connection.state == State::draining) {
      connection.drained_bytes += bytes;
      if (connection.drained_bytes > k_drain_limit_bytes) return;
      continue;
    }
    const std::size_t room = k_status_line_limit_bytes - connection.line.size();
    connection.line.append(buffer.data(), std::min(bytes, room));
    judge(connection);
    if (connection.state == State::closed) return;
  }
}

// Reads "HTTP/1.x NNN reason\r\n" as far as it is there.
void ReadinessProbe::judge(Connection& connection) {
  const std::size_t end = connection.line.find('\n');
  const std::string_view line = std::string_view(connection.line).substr(0, end);
  constexpr std::string_view k_protocol = "HTTP/1.";
  const bool fits = line.substr(0, k_protocol.size()) == k_protocol.substr(0, line.size());
  const bool complete = end != std::string::npos;
  if (fits && !complete && connection.line.size() < k_status_line_limit_bytes) return;
  constexpr std::size_t k_code_at = 9;  // after "HTTP/1.1 "
  int status = 0;
  if (fits && complete && line.size() >= k_code_at + 3 && line[k_code_at - 1] == ' ') {
    const char* const digits = line.data() + k_code_at;
    const auto [stop, error] = std::from_chars(digits, digits + 3, status);
    const bool ends_there =
        line.size() == k_code_at + 3 || line[k_code_at + 3] == ' ' || line[k_code_at + 3] == '\r';
    if (error != std::errc() || stop != digits + 3 || !ends_there) status = 0;
  }
  if (status == 200) {
    ready_at_ = os::Clock::now();
    connection.state = State::closed;
    return;
  }
  pause_ = k_pause_answered;
  last_answer_ = status == 0 ? "an answer that is not HTTP" : fmt::format("HTTP status {}", status);
  next_address_ = connection.address;
  connection.state = State::draining;
}

void ReadinessProbe::fail(Connection& connection, const std::string& answer) {
  const bool was_open = connection.state == State::waiting;
  pause_ = was_open ? k_pause_answered : k_pause_refused;
  last_answer_ = answer;
  next_address_ = (connection.address + 1) % addresses_.size();
  connection.state = State::closed;
}

}  // namespace coldload::process
