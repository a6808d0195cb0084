#include "run/reader_news.h"

#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enum_to_string.hpp>
#include <poll.h>
#include <unistd.h>

#include "text/json.h"

namespace coldload::run {

std::string to_line(const ReaderNews& news) {
  text::json::object line;
  line["event"] = boost::describe::enum_to_string(news.kind, "");
  line["bytes"] = news.bytes;
  line["at_most"] = news.at_most;
  line["seconds"] = news.seconds;
  line["text"] = news.text;
  if (!news.path.empty()) line["path"] = news.path;
  if (news.files != 0) line["files"] = news.files;
  return text::to_line(line) + '\n';
}

std::optional<ReaderNews> parse_reader_line(std::string_view line) {
  const auto value = text::parse_json(line, nullptr);
  if (!value || !value->is_object()) return std::nullopt;
  const text::json::object& object = value->as_object();
  const std::string event = text::string_at(object, "event").value_or("");
  ReaderNews::Kind kind{};
  if (!boost::describe::enum_from_string(event.c_str(), kind)) return std::nullopt;
  const text::json::value* const at_most = object.if_contains("at_most");
  return ReaderNews{kind,
                    text::string_at(object, "text").value_or(""),
                    text::unsigned_at(object, "bytes").value_or(0),
                    text::number_at(object, "seconds").value_or(0),
                    at_most != nullptr && *at_most == text::json::value(true),
                    text::string_at(object, "path").value_or(""),
                    text::unsigned_at(object, "files").value_or(0)};
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
