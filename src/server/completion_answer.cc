#include "server/completion_answer.h"

#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

namespace coldload::server {

namespace {

namespace http = boost::beast::http;

constexpr unsigned k_status_ok = 200;

}  // namespace

CompletionAnswer::CompletionAnswer() {
  parser_.eager(true);
  parser_.body_limit(boost::none);  // TokenEvents has limits
  parser_.get().result(0U);         // until the status line is there
}

void CompletionAnswer::take(std::string_view bytes, os::TimePoint at) {
  constexpr std::size_t k_longest_unread_bytes = 64 << 10;
  unread_ += bytes;
  while (!result() && !unread_.empty()) {
    boost::system::error_code error;
    const std::size_t taken = parse(at, &error);
    unread_.erase(0, taken);
    if (error == http::error::need_more) break;
    if (error) return fail("an answer that is not HTTP: " + error.message());
    if (parser_.is_done() || taken == 0) break;
  }
  if (unread_.size() > k_longest_unread_bytes) fail("an answer that is not HTTP");
}

void CompletionAnswer::end(os::TimePoint at) {
  if (!parser_.got_some()) return fail("closed without an answer");
  boost::system::error_code error;
  if (!parser_.is_done()) parser_.put_eof(error);
  if (parser_.is_done()) finish(at);
  if (!result()) fail(status() == 0 ? "closed within the answer's header" : so_far("closed"));
}

std::string CompletionAnswer::so_far(const std::string& what) const {
  if (status() == 0) return what + " without an answer";
  if (status() == k_status_ok) return what + " before a token came";
  const std::string said = excerpt(error_body_);
  return fmt::format("HTTP status {}{}{}", status(), said.empty() ? "" : ": ", said);
}

void CompletionAnswer::fail(const std::string& reason) {
  if (!result()) failure_ = TokenOutcome{std::nullopt, reason};
}

// Of what is unread as much as makes sense so far; how many bytes these are.
std::size_t CompletionAnswer::parse(os::TimePoint at, boost::system::error_code* error) {
  std::vector<char> body(unread_.size());
  parser_.get().body() = {body.data(), body.size(), true};
  const std::size_t taken = parser_.put(boost::asio::buffer(unread_), *error);
  take_body({body.data(), body.size() - parser_.get().body().size}, at);
  if (parser_.is_done()) finish(at);
  return taken;
}

void CompletionAnswer::take_body(std::string_view body, os::TimePoint at) {
  constexpr std::size_t k_enough_bytes = 600;  // for an excerpt
  if (status() == k_status_ok) return events_.take(body, at);
  error_body_ += body.substr(0, k_enough_bytes);
  if (error_body_.size() >= k_enough_bytes) fail(so_far(""));
}

// All of the body is there.
void CompletionAnswer::finish(os::TimePoint at) {
  if (status() == k_status_ok) return events_.end(at);
  fail(so_far(""));
}

}  // namespace coldload::server
