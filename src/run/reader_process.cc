#include "run/reader_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
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

os::Subprocess start(const std::vector<std::string>& command, os::Fd* output) {
  os::Pipe pipe = os::make_pipe();
  os::SpawnOptions options;
  options.argv = command;
  options.stdout_fd = pipe.write_end.get();
  options.stderr_fd = pipe.write_end.get();  // not the caller's: a mount may hang for long
  options.new_session = true;
  os::Subprocess process(options);
  *output = std::move(pipe.read_end);
  ::fcntl(output->get(), F_SETFL, O_NONBLOCK);
  return process;
}

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
  return text::to_line(line) + '\n';
}

std::optional<ReaderNews> parse_reader_line(std::string_view line) {
  std::string error;
  const auto value = text::parse_json(line, &error);
  if (!value || !value->is_object()) return std::nullopt;
  const text::json::object& object = value->as_object();
  const auto event = text::string_at(object, "event");
  for (const auto& [kind, name] : k_names) {
    if (event != name) continue;
    const text::json::value* const at_most = object.if_contains("at_most");
    return ReaderNews{kind, text::unsigned_at(object, "bytes").value_or(0),
                      at_most != nullptr && *at_most == text::json::value(true),
                      text::number_at(object, "seconds").value_or(0),
                      text::string_at(object, "text").value_or("")};
  }
  return std::nullopt;
}

ReaderProcess::ReaderProcess(const std::vector<std::string>& command)
    : process_(start(command, &output_)) {}

ReaderProcess::~ReaderProcess() {
  kill();
  process_.detach();
}

std::vector<ReaderNews> ReaderProcess::take() {
  std::vector<ReaderNews> news;
  while (output_.valid()) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(output_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      output_.reset();
      break;
    }
    partial_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t end = 0;
    while ((end = partial_.find('\n')) != std::string::npos) {
      if (auto one = parse_reader_line(partial_.substr(0, end))) news.push_back(std::move(*one));
      partial_.erase(0, end + 1);
    }
  }
  return news;
}

void ReaderProcess::stop() const noexcept { process_.send_signal(SIGTERM); }

void ReaderProcess::kill() const noexcept { process_.send_signal(SIGKILL); }

}  // namespace coldload::run
