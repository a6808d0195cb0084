#include "run/figures.h"

#include <fmt/format.h>

#include "text/escape.h"
#include "text/json.h"

namespace coldload::run {

namespace {

using Kind = ReaderNews::Kind;

std::string label_value(const std::string& text) {
  std::string out;
  for (const char c : text::valid_utf8(text)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? "\\n" : std::string(1, c);
  }
  return out;
}

}  // namespace

bool StartFigures::take(const ReaderNews& news) {
  switch (news.kind) {
    case Kind::has_copy:
      serves_copy = true;
      return true;
    case Kind::refused:
    case Kind::useless:
    case Kind::not_copied:
      problem = news.text;
      return true;
    case Kind::done:
      read_ahead_bytes = news.bytes;
      read_ahead_s = news.seconds;
      return true;
    case Kind::copied:
      copy_bytes = news.bytes;
      copy_s = news.seconds;
      return true;
    default:
      return false;
  }
}

std::string to_json_line(const StartFigures& figures) {
  const text::json::object out{{"path", text::valid_utf8(figures.path)},
                               {"ready_s", text::or_null(figures.ready_s)},
                               {"read_ahead_bytes", text::or_null(figures.read_ahead_bytes)},
                               {"read_ahead_s", text::or_null(figures.read_ahead_s)},
                               {"copy_bytes", text::or_null(figures.copy_bytes)},
                               {"copy_s", text::or_null(figures.copy_s)},
                               {"serves_copy", figures.serves_copy},
                               {"problem", text::valid_utf8(figures.problem)}};
  return text::to_line(out) + '\n';
}

std::string to_prometheus(const StartFigures& figures) {
  std::string out;
  const auto add = [&](const char* name, const char* help, const auto& value) {
    if (!value) return;
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0}{{path=\"{2}\"}} {3}\n", name, help,
                       label_value(figures.path), *value);
  };
  add("coldload_ready_seconds", "From the server's launch to its first HTTP 200.", figures.ready_s);
  add("coldload_read_ahead_bytes", "Weights read into memory beside the server's start.",
      figures.read_ahead_bytes);
  add("coldload_read_ahead_seconds", "How long reading them took.", figures.read_ahead_s);
  add("coldload_copy_bytes", "Bytes of the copy that was made on local storage.",
      figures.copy_bytes);
  add("coldload_copy_seconds", "How long making it took.", figures.copy_s);
  add("coldload_serves_copy", "Whether the server was given a copy on local storage: 1 or 0.",
      std::optional<int>(figures.serves_copy ? 1 : 0));
  return out;
}

}  // namespace coldload::run
