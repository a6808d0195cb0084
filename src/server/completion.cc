#include "server/completion.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "os/error.h"
#include "os/fd.h"
#include "process/wire.h"
#include "server/completion_answer.h"

namespace coldload::server {

namespace {

std::string header_and_body(const process::ReadyUrl& base, const CompletionRequest& request) {
  const std::string authorization =
      request.api_key.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", request.api_key);
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: coldload\r\n"
      "Accept: text/event-stream, application/json\r\nContent-Type: application/json\r\n"
      "{}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      request.target, process::authority_of(base), authorization, request.body.size(),
      request.body);
}

// One request and its answer. Every wait ends at the deadline or when it is given up.
class Exchange {
 public:
  Exchange(const process::ReadyUrl& base, const CompletionRequest& request,
           std::chrono::nanoseconds timeout, const std::function<bool()>& given_up)
      : base_(base),
        request_(header_and_body(base, request)),
        name_(fmt::format("{} of {}", request.target, process::place_of(base))),
        timeout_(timeout),
        deadline_(os::Clock::now() + timeout),
        given_up_(given_up) {}

  TokenOutcome run() {
    try {
      connect(process::resolve(base_));
      send();
      while (!answer_.result()) receive();
    } catch (const os::Error& error) {
      return {std::nullopt, error.what()};
    }
    TokenOutcome outcome = *answer_.result();
    if (!outcome.at) outcome.reason = fmt::format("{}: {}", name_, outcome.reason);
    return outcome;
  }

 private:
  [[noreturn]] void give_up(const std::string& why) const {
    throw os::Error(fmt::format("{}: {}", name_, why));
  }

  // Until the socket is ready for `events`.
  void wait(short events) const {
    constexpr auto k_look = std::chrono::milliseconds(50);
    while (true) {
      if (given_up_ && given_up_()) give_up(answer_.so_far("given up"));
      const os::TimePoint now = os::Clock::now();
      if (now >= deadline_) {
        const double timeout_s = os::Seconds(timeout_).count();
        give_up(answer_.so_far(fmt::format("timed out after {:g} s", timeout_s)));
      }
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - now);
      pollfd entry{wire_.socket().get(), events, 0};
      const int patience_ms =
          static_cast<int>(std::min<std::int64_t>(left.count(), k_look.count()));
      if (::poll(&entry, 1, patience_ms) == 1) return;
    }
  }

  // To the first address that accepts.
  void connect(const std::vector<process::SocketAddress>& addresses) {
    int error = 0;
    for (const process::SocketAddress& address : addresses) {
      os::Fd socket = process::open_stream_socket(address.family());
      if (!socket.valid()) throw os::SystemError("open a socket for", base_.text, errno);
      error = process::begin_connect(socket, address);
      wire_ = process::Wire(std::move(socket), base_);
      if (error == 0) {
        wait(POLLOUT);
        error = process::connect_result(wire_.socket());
      }
      if (error == 0) return;
    }
    give_up("cannot connect: " + os::error_text(error));
  }

  // A server may answer and close before it has read all: what it says is read then.
  void send() {
    std::string_view left = request_;
    while (!left.empty()) {
      const ssize_t put = wire_.send(left);
      if (put >= 0) left.remove_prefix(static_cast<std::size_t>(put));
      if (put < 0 && errno != EAGAIN && errno != EINTR) return;
      if (put < 0) wait(wire_.events(POLLOUT));
    }
  }

  void receive() {
    if (!wire_.holds_more()) wait(wire_.events(POLLIN));
    const ssize_t got = wire_.receive(buffer_.data(), buffer_.size());
    const os::TimePoint at = os::Clock::now();
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) give_up(answer_.so_far(os::error_text(errno)));
    if (got == 0) return answer_.end(at);
    answer_.take({buffer_.data(), static_cast<std::size_t>(got)}, at);
  }

  const process::ReadyUrl& base_;
  std::string request_;
  std::string name_;
  std::chrono::nanoseconds timeout_;
  os::TimePoint deadline_;
  const std::function<bool()>& given_up_;
  process::Wire wire_;
  CompletionAnswer answer_;
  std::array<char, 16384> buffer_{};
};

}  // namespace

TokenOutcome request_first_token(const process::ReadyUrl& base, const CompletionRequest& request,
                                 std::chrono::nanoseconds timeout,
                                 const std::function<bool()>& given_up) {
  return Exchange(base, request, timeout, given_up).run();
}

}  // namespace coldload::server
