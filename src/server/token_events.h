// The first token in the body of a completion's answer, found as the body arrives.
//
// Streams are server-sent events, `data: {...}`: those of OpenAI's API (vLLM, SGLang, llama-server)
// and of TGI. An answer that is one JSON text counts as a whole.
//
// Layer: server. Pure: knows no socket and no clock.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "os/clock.h"

namespace coldload::server {

// A first token, or why there is none. With both, `reason` says what is odd about the token.
struct TokenOutcome {
  std::optional<os::TimePoint> at;
  std::string reason;
};

// At most 300 bytes of what a server said, as one line for a message.
[[nodiscard]] std::string excerpt(std::string_view text);

class TokenEvents {
 public:
  // A piece of the body, cut anywhere, that was received at `at`.
  void take(std::string_view body, os::TimePoint at);
  // The body is complete.
  void end(os::TimePoint at);

  // What came of it; nothing while that is open.
  [[nodiscard]] const std::optional<TokenOutcome>& result() const { return result_; }

 private:
  enum class Form { unknown, events, one_text };

  void take_line(os::TimePoint at);
  void end_event(os::TimePoint at);
  void judge(std::string_view data, os::TimePoint at);
  void fail(std::string reason) { result_ = TokenOutcome{std::nullopt, std::move(reason)}; }

  Form form_ = Form::unknown;
  std::string line_;  // what came of the line, or of the one text
  std::string data_;  // of the event under way
  std::size_t data_lines_ = 0;
  std::optional<TokenOutcome> result_;
};

}  // namespace coldload::server
