// The URL that a server answers 200 at when it is ready, and the addresses behind it.
//
// Layer: process. http and https, over TCP or a Unix socket. Knows no server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "os/fd.h"

namespace coldload::process {

enum class Security { none, tls };

// http://host:port/path, taken apart; of a Unix socket http://unix:PATH:/path, as nginx writes it.
// https likewise.
struct ReadyUrl {
  std::string text;  // as given
  std::string host;  // without an IPv6 address's brackets
  std::uint16_t port = 80;
  std::string target = "/";  // path and query
  Security security = Security::none;
  std::string socket_path;  // of a Unix socket; empty: TCP
};

// Throws os::Error for anything but an http or https URL without user and password.
[[nodiscard]] ReadyUrl parse_ready_url(std::string_view text);
// Whether its host is an IP address or localhost: asking there waits for no name server.
[[nodiscard]] bool needs_no_name_server(const ReadyUrl& url);
// "host:port", as a Host header has it.
[[nodiscard]] std::string authority_of(const ReadyUrl& url);
// "port 8000" or "socket /tmp/s.sock".
[[nodiscard]] std::string place_of(const ReadyUrl& url);

// An address to connect to.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] bool is_loopback() const;
};

// The host's addresses, four at most, or the Unix socket's. Asks the resolver, unless it is an
// address already. Throws os::Error where it has none.
[[nodiscard]] std::vector<SocketAddress> resolve(const ReadyUrl& url);
// Whether all of them are loopback addresses. Of a Unix socket: no.
[[nodiscard]] bool is_loopback(const ReadyUrl& url);
// Whether all of them are this machine's, a Unix socket's too.
[[nodiscard]] bool is_of_this_machine(const ReadyUrl& url);

// A stream socket whose calls do not wait; none where there can be no more.
[[nodiscard]] os::Fd open_stream_socket(int family);
// Begins to connect it. The errno of that; 0 where it is connected, or under way: then it polls
// writable, and connect_result() says what came of it.
[[nodiscard]] int begin_connect(const os::Fd& socket, const SocketAddress& address);
[[nodiscard]] int connect_result(const os::Fd& socket);

// Throws os::Error where something accepts connections at the URL already: a server that runs
// before the launch would be taken for the launched one.
void require_silent(const ReadyUrl& url);

}  // namespace coldload::process
