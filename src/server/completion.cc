#include "server/completion.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "os/error.h"
#include "os/fd.h"

namespace coldload::server {

namespace {

namespace http = boost::beast::http;
using Code = boost::system::error_code;
using Text = boost::beast::string_view;

constexpr int k_status_ok = 200;

// The answer's HTTP, as it arrives; the body of a 200 goes to TokenEvents.
class Answer : private http::basic_parser<false> {
 public:
  Answer() {
    eager(true);
    body_limit(boost::none);  // TokenEvents has limits
  }

  void take(std::string_view bytes, os::TimePoint at) {
    constexpr std::size_t k_longest_unread_bytes = 64 << 10;
    at_ = at;
    unread_ += bytes;
    while (!result() && !unread_.empty()) {
      Code error;
      const std::size_t taken = put({unread_.data(), unread_.size()}, error);
      unread_.erase(0, taken);
      if (error == http::error::need_more) break;
      if (error) return fail("an answer that is not HTTP: " + error.message());
      if (is_done() || taken == 0) break;
    }
    if (unread_.size() > k_longest_unread_bytes) fail("an answer that is not HTTP");
  }

  // The connection was closed.
  void end(os::TimePoint at) {
    at_ = at;
    if (!got_some()) return fail("closed without an answer");
    Code error;
    if (!is_done()) put_eof(error);
    if (!result()) fail(status_ == 0 ? "closed within the answer's header" : so_far("closed"));
  }

  // What came of it; nothing while that is open.
  [[nodiscard]] std::optional<TokenOutcome> result() const {
    return failure_ ? failure_ : events_.result();
  }

  // For a message: `what` ended the wait, and what was there by then.
  [[nodiscard]] std::string so_far(const std::string& what) const {
    if (status_ == 0) return what + " without an answer";
    if (status_ == k_status_ok) return what + " before a token came";
    const std::string said = excerpt(error_body_);
    return fmt::format("HTTP status {}{}{}", status_, said.empty() ? "" : ": ", said);
  }

 private:
  void fail(const std::string& reason) {
    if (!result()) failure_ = TokenOutcome{std::nullopt, reason};
  }

  std::size_t take_body(Text body) {
    constexpr std::size_t k_enough_bytes = 600;  // for an excerpt
    const std::string_view view(body.data(), body.size());
    if (status_ == k_status_ok) {
      events_.take(view, at_);
    } else {
      error_body_ += view.substr(0, k_enough_bytes);
      if (error_body_.size() >= k_enough_bytes) fail(so_far(""));
    }
    return body.size();
  }

  void on_request_impl(http::verb /*method*/, Text /*name*/, Text /*target*/, int /*version*/,
                       Code& /*error*/) override {}
  void on_response_impl(int status, Text /*reason*/, int /*version*/, Code& /*error*/) override {
    status_ = status;
  }
  void on_field_impl(http::field /*name*/, Text /*text*/, Text /*value*/,
                     Code& /*error*/) override {}
  void on_header_impl(Code& /*error*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                         Code& /*error*/) override {}
  std::size_t on_body_impl(Text body, Code& /*error*/) override { return take_body(body); }
  void on_chunk_header_impl(std::uint64_t /*size*/, Text /*extensions*/, Code& /*error*/) override {
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, Text body, Code& /*error*/) override {
    return take_body(body);
  }
  void on_finish_impl(Code& /*error*/) override {
    if (status_ == k_status_ok) {
      events_.end(at_);
    } else {
      fail(so_far(""));
    }
  }

  os::TimePoint at_;
  int status_ = 0;
  std::string unread_;
  std::string error_body_;
  TokenEvents events_;
  std::optional<TokenOutcome> failure_;
};

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
        name_(fmt::format("{} of port {}", request.target, base.port)),
        timeout_(timeout),
        deadline_(os::Clock::now() + timeout),
        given_up_(given_up) {}

  TokenOutcome run() {
    try {
      connect(process::resolve(base_));
    } catch (const os::Error& error) {
      return {std::nullopt, error.what()};
    }
    if (!stopped_by_ && socket_.valid()) send();
    while (!stopped_by_ && !trouble_ && !answer_.result()) receive();
    if (auto result = answer_.result()) {
      if (!result->at) result->reason = fmt::format("{}: {}", name_, result->reason);
      return *result;
    }
    if (trouble_) return {std::nullopt, fmt::format("{}: {}", name_, *trouble_)};
    return {std::nullopt, fmt::format("{}: {}", name_, answer_.so_far(*stopped_by_))};
  }

 private:
  // Whether the socket is ready for `events`; else stopped_by_ is set.
  bool wait(short events) {
    constexpr auto k_look = std::chrono::milliseconds(50);
    while (true) {
      if (given_up_ && given_up_()) {
        stopped_by_ = "given up";
        return false;
      }
      const os::TimePoint now = os::Clock::now();
      if (now >= deadline_) {
        stopped_by_ = fmt::format("timed out after {:g} s", os::Seconds(timeout_).count());
        return false;
      }
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - now);
      pollfd entry{socket_.get(), events, 0};
      const int patience_ms =
          static_cast<int>(std::min<std::int64_t>(left.count(), k_look.count()));
      if (::poll(&entry, 1, patience_ms) == 1) return true;
    }
  }

  // To the first address that accepts.
  void connect(const std::vector<process::SocketAddress>& addresses) {
    for (const process::SocketAddress& address : addresses) {
      socket_ = process::open_tcp_socket(address.family());
      if (!socket_.valid()) throw os::SystemError("open a socket for", base_.text, errno);
      trouble_.reset();
      int error = process::begin_connect(socket_, address);
      if (error == 0) {
        if (!wait(POLLOUT)) return;
        error = process::connect_result(socket_);
      }
      if (error == 0) return;
      trouble_ = "cannot connect: " + os::error_text(error);
    }
  }

  // A server may answer and close before it has read all: what it says is read then.
  void send() {
    std::string_view left = request_;
    while (!left.empty() && !trouble_ && wait(POLLOUT)) {
      const ssize_t put = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (put >= 0) left.remove_prefix(static_cast<std::size_t>(put));
      if (put < 0 && errno != EAGAIN && errno != EINTR) return;
    }
  }

  void receive() {
    if (!wait(POLLIN)) return;
    const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    const os::TimePoint at = os::Clock::now();
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) {
      trouble_ = answer_.so_far(os::error_text(errno));
    } else if (got == 0) {
      answer_.end(at);
    } else {
      answer_.take({buffer_.data(), static_cast<std::size_t>(got)}, at);
    }
  }

  const process::ReadyUrl& base_;
  std::string request_;
  std::string name_;
  std::chrono::nanoseconds timeout_;
  os::TimePoint deadline_;
  const std::function<bool()>& given_up_;
  os::Fd socket_;
  Answer answer_;
  std::array<char, 16384> buffer_{};
  std::optional<std::string> trouble_;     // of the connection
  std::optional<std::string> stopped_by_;  // time or interrupt
};

}  // namespace

TokenOutcome request_first_token(const process::ReadyUrl& base, const CompletionRequest& request,
                                 std::chrono::nanoseconds timeout,
                                 const std::function<bool()>& given_up) {
  return Exchange(base, request, timeout, given_up).run();
}

}  // namespace coldload::server
