// TCP ports of this machine: a free one, and who holds one that is taken.
//
// Layer: process. Knows no server by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "os/fd.h"
#include "process/ready_url.h"

namespace coldload::process {

// A port that no other coldload in this network namespace chooses while this is held.
class ReservedPort {
 public:
  ReservedPort(std::uint16_t number, os::Fd claim) : number_(number), claim_(std::move(claim)) {}

  [[nodiscard]] std::uint16_t number() const { return number_; }

 private:
  std::uint16_t number_;
  os::Fd claim_;
};

// One that nothing is bound to on any address, outside the range that the kernel gives to outgoing
// connections: neither a client nor one of our own probes can take it before the server does.
// Throws os::Error where none is found.
[[nodiscard]] ReservedPort reserve_free_port();

// The same, for whom it must do not to hold it.
[[nodiscard]] std::uint16_t choose_free_port();

struct PortOwner {
  pid_t pid = 0;
  std::string name;
};

// The process that listens on `port` on any address. Nothing where there is none, or where it is
// another user's and we may not look.
[[nodiscard]] std::optional<PortOwner> port_owner(std::uint16_t port);

// The same, where it is none of `ours`. Nothing also where one of these listens, or cannot be
// looked into.
[[nodiscard]] std::optional<PortOwner> foreign_port_owner(std::uint16_t port,
                                                          const std::vector<pid_t>& ours);

// The same of where a URL points, a port or a Unix socket.
[[nodiscard]] std::optional<PortOwner> foreign_owner(const ReadyUrl& url,
                                                     const std::vector<pid_t>& ours);

// Removes the Unix socket at `path` if nobody listens at it any more: the next server could not
// bind to it. Best effort.
void remove_dead_socket(const std::string& path);

// "pid 4711 (python3)", or "another process" where port_owner() cannot tell.
[[nodiscard]] std::string describe_owner(std::uint16_t port);

// Whether a server could listen on it on the loopback addresses.
[[nodiscard]] bool port_is_free(std::uint16_t port);

// Throws os::Error "port N is taken by pid P (name)" where it is not free.
void require_port_free(std::uint16_t port);

}  // namespace coldload::process
