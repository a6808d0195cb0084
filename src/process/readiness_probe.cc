#include "process/readiness_probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <sstream>

#include <fmt/format.h>

#include "os/error.h"
#include "os/file.h"

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

// The range that the kernel takes the source ports of connections from.
bool is_ephemeral(std::uint16_t port) {
  int first = 32768;
  int last = 60999;
  if (const auto text = os::try_read_text("/proc/sys/net/ipv4/ip_local_port_range")) {
    std::istringstream(*text) >> first >> last;
  }
  return port >= first && port <= last;
}

// Of a send or receive.
std::string words_of_error() {
  return errno == EPROTO ? "no TLS that can be trusted" : os::error_text(errno);
}

}  // namespace

ReadinessProbe::ReadinessProbe(const ReadyUrl& url, std::chrono::nanoseconds least_pause)
    : url_(url), addresses_(resolve(url)), least_pause_(least_pause) {
  request_ = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: coldload\r\nAccept: */*\r\n"
      "Connection: close\r\n\r\n",
      url.target, authority_of(url));
  port_is_ephemeral_ = is_ephemeral(url.port);
}

void ReadinessProbe::add_to(std::vector<pollfd>& entries) const {
  for (const Connection& connection : connections_) {
    const bool only_reads = connection.state != State::connecting && connection.unsent_bytes == 0;
    const short plain = only_reads ? POLLIN : POLLOUT;
    const bool connects = connection.state == State::connecting;
    entries.push_back(
        {connection.wire.socket().get(), connects ? plain : connection.wire.events(plain), 0});
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
  std::erase_if(connections_, [](const Connection& c) { return c.state == State::closed; });
  return false;
}

// A connection to a port of this machine that nobody listens on can, by the kernel's choice of the
// same number as its source, connect to itself: it would look like an open port and keep the server
// from binding it. Where the port lies in the range of source ports, another one is fixed first.
os::Fd ReadinessProbe::open_socket(const SocketAddress& address) const {
  constexpr int k_attempts = 3;
  for (int attempt = 0; attempt < k_attempts; ++attempt) {
    os::Fd socket = open_stream_socket(address.family());
    if (!socket.valid() || !port_is_ephemeral_) return socket;
    SocketAddress own;
    own.storage.ss_family = static_cast<sa_family_t>(address.family());
    own.length = address.length;
    if (::bind(socket.get(), own.raw(), own.length) != 0) return socket;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.length);
    if (own.port() != url_.port) return socket;
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
    os::Fd socket = open_socket(address);
    if (!socket.valid()) {
      fail(connection, "no socket: " + os::error_text(errno));
      return;
    }
    const int error = begin_connect(socket, address);
    connection.wire = Wire(std::move(socket), url_);
    if (error != 0) {
      fail(connection, os::error_text(error));
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
  if (connection.state == State::waiting && connection.unsent_bytes > 0) send_request(connection);
  if (connection.state == State::draining ||
      (connection.state == State::waiting && connection.unsent_bytes == 0)) {
    read_answer(connection);
  }
}

void ReadinessProbe::connect_done(Connection& connection) {
  pollfd entry{connection.wire.socket().get(), POLLOUT, 0};
  if (::poll(&entry, 1, 0) != 1) return;
  const int error = connect_result(connection.wire.socket());
  if (error != 0) return fail(connection, os::error_text(error));
  if (!port_open_at_) port_open_at_ = os::Clock::now();
  connection.state = State::waiting;
  connection.unsent_bytes = request_.size();
}

// At once and whole, but for TLS, which shakes hands first: it is shorter (see parse_ready_url)
// than what the least socket buffer takes.
void ReadinessProbe::send_request(Connection& connection) {
  const std::string_view left =
      std::string_view(request_).substr(request_.size() - connection.unsent_bytes);
  const ssize_t put = connection.wire.send(left);
  if (put >= 0) {
    connection.unsent_bytes -= static_cast<std::size_t>(put);
  } else if (errno != EAGAIN && errno != EINTR) {
    fail(connection, words_of_error());
  }
}

void ReadinessProbe::read_answer(Connection& connection) {
  std::array<char, 4096> buffer;
  // A few reads at a time: an endless answer must not hold up the others.
  constexpr int k_reads = 16;
  for (int i = 0; i < k_reads; ++i) {
    const ssize_t got = connection.wire.receive(buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      if (connection.state == State::draining) {
        connection.state = State::closed;
        return;
      }
      return fail(connection, got == 0 ? "closed without an answer" : words_of_error());
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
  was_answered_ = true;
  last_answer_ = status == 0 ? "an answer that is not HTTP" : fmt::format("HTTP status {}", status);
  next_address_ = connection.address;
  connection.state = State::draining;
}

// A server that takes connections and says nothing has answered more than one that refuses them.
std::string ReadinessProbe::last_answer() const {
  return port_open_at_ && !was_answered_ ? "none, though it accepted a connection" : last_answer_;
}

void ReadinessProbe::fail(Connection& connection, const std::string& answer) {
  const bool was_open = connection.state == State::waiting;
  was_answered_ = was_answered_ || was_open;
  pause_ = was_open ? k_pause_answered : k_pause_refused;
  last_answer_ = answer;
  next_address_ = (connection.address + 1) % addresses_.size();
  connection.state = State::closed;
}

}  // namespace coldload::process
