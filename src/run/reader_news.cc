#include "run/reader_news.h"

#include <array>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "text/json.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

constexpr std::array<std::pair<Kind, std::string_view>, 10> k_names{
    {{Kind::found, "found"},
     {Kind::has_copy, "has_copy"},
     {Kind::copy_first, "copy_first"},
     {Kind::refused, "refused"},
     {Kind::useless, "useless"},
     {Kind::reading, "reading"},
     {Kind::done, "done"},
     {Kind::copying, "copying"},
     {Kind::copied, "copied"},
     {Kind::not_copied, "not_copied"}}};

}  // namespace

std::string to_line(const ReaderNews& news) {
  text::json::object line;
  for (const auto& [kind, name] : k_names) {
    if (kind == news.kind) line["event"] = name;
  }
  line["bytes"] = news.bytes;
  line["at_most"] = news.at_most;
  line["seconds"] = news.seconds;
  line["text"] = news.text;
  if (!news.path.empty()) line["path"] = news.path;
  return text::to_line(line) + '\n';
}

std::optional<ReaderNews> parse_reader_line(std::string_view line) {
  const auto value = text::parse_json(line, nullptr);
  if (!value || !value->is_object()) return std::nullopt;
  const text::json::object& object = value->as_object();
  const auto event = text::string_at(object, "event");
  for (const auto& [kind, name] : k_names) {
    if (event != name) continue;
    const text::json::value* const at_most = object.if_contains("at_most");
    return ReaderNews{kind,
                      text::string_at(object, "text").value_or(""),
                      text::unsigned_at(object, "bytes").value_or(0),
                      text::number_at(object, "seconds").value_or(0),
                      at_most != nullptr && *at_most == text::json::value(true),
                      text::string_at(object, "path").value_or("")};
  }
  return std::nullopt;
}

void NewsPipe::tell(const ReaderNews& news) const {
  const std::string line = to_line(news);
  [[maybe_unused]] const auto put = ::write(fd_, line.data(), line.size());  // it fits into a pipe
}

bool NewsPipe::is_heard() const {
  pollfd entry{fd_, 0, 0};  // POLLERR comes unasked
  return ::poll(&entry, 1, 0) == 0;
}

}  // namespace coldload::run
