// What servers send: lines of their logs, answers to a completion, and the URL they are asked at.
#include <chrono>

#include "fuzz/targets.h"
#include "process/log_lines.h"
#include "process/ready_url.h"
#include "run/reader_news.h"
#include "server/completion_answer.h"
#include "server/token_events.h"

namespace coldload::fuzz {

namespace {

std::vector<std::string> log_lines(const std::vector<std::string_view>& pieces) {
  std::vector<std::string> found;
  process::LogLines lines([&](const process::LogLine& line) {
    require(line.text().size() <= process::k_longest_log_line, "a line is cut");
    (void)line.received_at(line.text().size());
    found.emplace_back(line.text());
  });
  os::TimePoint at{};
  for (const std::string_view piece : pieces) lines.feed(at += std::chrono::seconds(1), piece);
  lines.finish();
  return found;
}

void try_log_lines(std::string_view input) {
  require(log_lines({input}) == log_lines(pieces_of(input)), "pieces are read as the whole");
}

template <typename Reader>
server::TokenOutcome outcome(const std::vector<std::string_view>& pieces) {
  Reader reader;
  for (const std::string_view piece : pieces) {
    if (!reader.result()) reader.take(piece, os::TimePoint{});
  }
  if (!reader.result()) reader.end(os::TimePoint{});
  require(reader.result().has_value(), "what has ended has an outcome");
  require(reader.result()->at || !reader.result()->reason.empty(), "a token, or why there is none");
  return *reader.result();
}

void try_completion_answer(std::string_view input) {
  const auto whole = outcome<server::CompletionAnswer>({input});
  const auto in_pieces = outcome<server::CompletionAnswer>(pieces_of(input));
  require(whole.at.has_value() == in_pieces.at.has_value(), "pieces are read as the whole");
}

void try_token_events(std::string_view input) {
  const auto whole = outcome<server::TokenEvents>({input});
  const auto in_pieces = outcome<server::TokenEvents>(pieces_of(input));
  require(whole.at.has_value() == in_pieces.at.has_value(), "pieces are read as the whole");
}

void try_ready_url(std::string_view input) {
  refuses([&] {
    const process::ReadyUrl url = process::parse_ready_url(input);
    require(url.target.starts_with('/'), "a target is a path");
    require(url.target.find_first_of("\r\n ") == std::string::npos, "a request is one request");
    (void)process::authority_of(url);
    (void)process::place_of(url);
    (void)process::needs_no_name_server(url);
  });
}

void try_reader_news(std::string_view input) {
  const auto news = run::parse_reader_line(input);
  if (!news) return;
  const std::string line = run::to_line(*news);
  const auto again = run::parse_reader_line(std::string_view(line).substr(0, line.find('\n')));
  require(again.has_value(), "what is written is read");
  require_alike(run::to_line(*again), line);
}

}  // namespace

const std::vector<Target> k_process_targets{
    {"log_lines", try_log_lines},       {"completion_answer", try_completion_answer},
    {"token_events", try_token_events}, {"ready_url", try_ready_url},
    {"reader_news", try_reader_news},
};

}  // namespace coldload::fuzz
