// The HTTP of a completion's answer, taken apart as it arrives.
//
// Layer: server. Pure: knows no socket and no clock.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "os/clock.h"
#include "server/token_events.h"

namespace coldload::server {

// The body of a 200 goes to TokenEvents; of any other status its beginning is a reason.
class CompletionAnswer {
 public:
  CompletionAnswer();

  // A piece of the answer, cut anywhere, that was received at `at`.
  void take(std::string_view bytes, os::TimePoint at);
  // The connection was closed.
  void end(os::TimePoint at);

  // What came of it; nothing while that is open.
  [[nodiscard]] std::optional<TokenOutcome> result() const {
    return failure_ ? failure_ : events_.result();
  }

  // For a message: `what` ended the wait, and what was there by then.
  [[nodiscard]] std::string so_far(const std::string& what) const;

 private:
  [[nodiscard]] unsigned status() const { return parser_.get().result_int(); }

  void fail(const std::string& reason);
  std::size_t parse(os::TimePoint at, boost::system::error_code* error);
  void take_body(std::string_view body, os::TimePoint at);
  void finish(os::TimePoint at);

  boost::beast::http::response_parser<boost::beast::http::buffer_body> parser_;
  std::string unread_;
  std::string error_body_;
  TokenEvents events_;
  std::optional<TokenOutcome> failure_;
};

}  // namespace coldload::server
