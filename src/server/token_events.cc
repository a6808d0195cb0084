#include "server/token_events.h"

#include <utility>

#include <fmt/format.h>

#include "process/log_tail.h"
#include "text/escape.h"
#include "text/json.h"

namespace coldload::server {

namespace {

namespace json = text::json;

constexpr std::size_t k_longest_event_bytes = 64 << 10;

// choices[0]
const json::object* first_choice(const json::object& event) {
  const json::value* value = event.if_contains("choices");
  const json::array* choices = value == nullptr ? nullptr : value->if_array();
  return choices == nullptr || choices->empty() ? nullptr : choices->front().if_object();
}

bool has_text(const json::object& object, std::string_view key) {
  return !text::string_at(object, key).value_or("").empty();
}

bool holds_token(const json::object& event) {
  if (text::object_at(event, "token") != nullptr || has_text(event, "generated_text"))
    return true;  // TGI
  const json::object* choice = first_choice(event);
  if (choice == nullptr) return false;
  if (has_text(*choice, "text")) return true;
  for (const std::string_view message : {"delta", "message"}) {
    const json::object* said = text::object_at(*choice, message);
    if (said == nullptr) continue;
    for (const std::string_view key : {"content", "reasoning_content", "reasoning"}) {
      if (has_text(*said, key)) return true;
    }
  }
  return false;
}

// What one event, or an answer that is one text, says; nothing where it neither holds a token nor
// ends the stream.
std::optional<TokenOutcome> token_in(const json::value& value, os::TimePoint at) {
  const json::object* event = value.if_object();
  if (event == nullptr && value.is_array() && !value.get_array().empty()) {
    event = value.get_array().front().if_object();
  }
  if (event == nullptr) return std::nullopt;
  if (holds_token(*event)) return TokenOutcome{at, ""};
  const json::value* error = event->if_contains("error");
  if (error != nullptr && !error->is_null()) {
    return TokenOutcome{std::nullopt, "the server answered with an error: " +
                                          excerpt(text::to_line(json::value(*event)))};
  }
  const json::object* choice = first_choice(*event);
  if (choice == nullptr) return std::nullopt;
  const auto finished = text::string_at(*choice, "finish_reason");
  if (!finished) return std::nullopt;
  return TokenOutcome{
      at, fmt::format("the first token has no text (finish_reason {})", excerpt(*finished))};
}

}  // namespace

std::string excerpt(std::string_view text) {
  constexpr std::size_t k_limit_bytes = 300;
  return process::clean_line(text::one_line(text.substr(0, 2 * k_limit_bytes)), k_limit_bytes);
}

void TokenEvents::take(std::string_view body, os::TimePoint at) {
  constexpr std::string_view k_blanks = " \t\r\n";
  if (form_ == Form::unknown) {
    const std::size_t begin = body.find_first_not_of(k_blanks);
    if (begin == std::string_view::npos) return;
    body.remove_prefix(begin);
    form_ = body.front() == '{' || body.front() == '[' ? Form::one_text : Form::events;
  }
  while (!result_ && !body.empty()) {
    // A CR LF ends a line and then an empty one, which ends an event: LF is taken alone.
    const std::size_t end = form_ == Form::events ? body.find('\n') : std::string_view::npos;
    line_ += body.substr(0, end);
    if (line_.size() > k_longest_event_bytes) {
      return fail(form_ == Form::events ? "an event of the answer is longer than 64 KiB"
                                        : "the answer is not streamed and longer than 64 KiB");
    }
    if (end == std::string_view::npos) return;
    take_line(at);
    body.remove_prefix(end + 1);
  }
}

void TokenEvents::take_line(os::TimePoint at) {
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  const std::string line = std::exchange(line_, {});
  const std::string_view view = line;
  constexpr std::string_view k_data = "data:";
  constexpr std::string_view k_error = "error:";  // of older llama-servers
  if (line.empty()) return end_event(at);
  if (view.starts_with(k_error)) {
    return fail("the server answered with an error: " + excerpt(view.substr(k_error.size())));
  }
  if (!view.starts_with(k_data)) return;
  if (data_lines_ > 0) data_ += '\n';
  data_ += view.substr(k_data.size());
  if (data_.size() > k_longest_event_bytes) {
    return fail("an event of the answer is longer than 64 KiB");
  }
  // An event is complete with the empty line behind it; one of one line can be read before.
  if (++data_lines_ == 1) judge(data_, at);
}

void TokenEvents::end_event(os::TimePoint at) {
  if (data_lines_ > 1) judge(data_, at);
  data_.clear();
  data_lines_ = 0;
}

void TokenEvents::judge(std::string_view data, os::TimePoint at) {
  const std::size_t begin = data.find_first_not_of(' ');
  if (begin == std::string_view::npos) return;
  data.remove_prefix(begin);
  if (data == "[DONE]") return fail("the answer ended without a token");
  if (const auto value = text::parse_json(data, nullptr)) result_ = token_in(*value, at);
}

void TokenEvents::end(os::TimePoint at) {
  if (result_) return;
  if (form_ == Form::unknown) return fail("the answer is empty");
  if (form_ == Form::events) {
    take_line(at);
    if (!result_) end_event(at);
    if (!result_) fail("the answer ended without a token");
    return;
  }
  const auto value = text::parse_json(line_, nullptr);
  if (value) result_ = token_in(*value, at);
  if (!result_) return fail("the answer holds no token: " + excerpt(line_));
  if (result_->at && result_->reason.empty()) {
    result_->reason = "the answer was not streamed: this is when all of it was there";
  }
}

}  // namespace coldload::server
