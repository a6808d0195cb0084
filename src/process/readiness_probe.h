// When a server is ready: the first HTTP 200 of its readiness endpoint, to the millisecond.
//
// Refused, reset, any other status, garbage and silence mean "not yet". A request without an answer
// stays open while others are tried beside it, so that a server which holds requests until it is
// ready is timed by the request that it held; a server that works through them one by one is not
// flooded, because few are open at a time.
//
// Layer: process. Knows HTTP's status line and no more of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include "os/clock.h"
#include "os/fd.h"
#include "process/ready_url.h"
#include "process/wire.h"

namespace coldload::process {

// Asks one URL again and again without ever blocking. For one thread's poll(2) loop: wait for the
// descriptors of add_to() at most until due(), call advance(), repeat.
class ReadinessProbe {
 public:
  // Resolves the host; throws os::Error where it cannot. Asks at most once in `least_pause`.
  explicit ReadinessProbe(const ReadyUrl& url, std::chrono::nanoseconds least_pause = {});

  void add_to(std::vector<pollfd>& entries) const;
  [[nodiscard]] os::TimePoint due() const;
  // Takes what has arrived and starts the next request if it is due. True once ready.
  bool advance();

  // The first connection that was accepted.
  [[nodiscard]] std::optional<os::TimePoint> port_open_at() const { return port_open_at_; }
  // Just after the status line of the first 200 was read.
  [[nodiscard]] std::optional<os::TimePoint> ready_at() const { return ready_at_; }
  // What came last, for a message: "connection refused", "HTTP status 503".
  [[nodiscard]] std::string last_answer() const;

 private:
  enum class State { connecting, waiting, draining, closed };
  struct Connection {
    Wire wire;
    std::size_t address = 0;
    State state = State::connecting;
    os::TimePoint started_at;
    std::size_t unsent_bytes = 0;  // of the request
    std::size_t drained_bytes = 0;
    std::string line;  // what came of the status line
  };

  void start();
  void proceed(Connection& connection);
  void connect_done(Connection& connection);
  void send_request(Connection& connection);
  void read_answer(Connection& connection);
  void judge(Connection& connection);
  void fail(Connection& connection, const std::string& answer);
  [[nodiscard]] os::Fd open_socket(const SocketAddress& address) const;
  [[nodiscard]] std::size_t count(State state) const;
  [[nodiscard]] std::size_t pending() const;  // without an answer so far

  ReadyUrl url_;
  std::string request_;
  std::vector<SocketAddress> addresses_;
  std::size_t next_address_ = 0;
  bool port_is_ephemeral_ = false;
  std::vector<Connection> connections_;
  os::TimePoint last_start_{};
  const std::chrono::nanoseconds least_pause_;
  std::chrono::nanoseconds pause_{0};  // from the last start to the next
  std::optional<os::TimePoint> port_open_at_;
  std::optional<os::TimePoint> ready_at_;
  std::string last_answer_ = "no answer";
  bool was_answered_ = false;  // by what took a connection, with whatever
};

}  // namespace coldload::process
