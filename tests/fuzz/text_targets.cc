// Texts of people, files and servers: JSON, CSV, figures, credentials, and what is shown of them.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "fuzz/targets.h"
#include "text/csv.h"
#include "text/escape.h"
#include "text/json.h"
#include "text/notes.h"
#include "text/redact.h"
#include "text/secret_words.h"
#include "text/shell_words.h"
#include "text/units.h"

namespace coldload::fuzz {

namespace {

void try_json(std::string_view input) {
  std::string error;
  const auto value = text::parse_json(input, &error);
  if (!value) return require(!error.empty(), "what is refused is refused in words");
  const std::string line = text::to_line(*value);
  require(line.find('\n') == std::string::npos, "a line is one line");
  require_alike(input, line);
  require_alike(line, text::to_pretty(*value));
}

void try_csv(std::string_view input) {
  std::string error;
  const auto rows = text::parse_csv(input, &error);
  if (!rows) return require(!error.empty(), "what is refused is refused in words");
  std::string written;
  for (const text::CsvRow& row : *rows) written += text::csv_row(row.fields);
  const auto again = text::parse_csv(written, &error);
  require(again && again->size() == rows->size(), "what is written is read as the same");
  for (std::size_t i = 0; i < rows->size(); ++i) {
    require((*again)[i].fields == (*rows)[i].fields, "what is written is read as the same");
  }
}

void try_units(std::string_view input) {
  if (const auto size = text::parse_size(input)) (void)text::format_bytes(*size);
  if (const auto rate = text::parse_rate(input)) {
    require(std::isfinite(*rate) && *rate > 0, "a rate is a number above 0");
    (void)text::format_rate(*rate);
  }
  if (const auto time = text::parse_duration(input)) {
    require(time->count() >= 0, "a time is not negative");
    (void)text::format_seconds(std::chrono::duration<double>(*time).count());
  }
  if (const auto share = text::parse_share(input)) {
    require(std::isfinite(*share) && *share >= 0, "a share is not negative");
  }
}

void try_shell_words(std::string_view input) {
  try {
    const std::vector<std::string> words = text::split_shell_words(input);
    // What steers a terminal is written as bash reads it, not as POSIX does.
    const bool is_plain = std::all_of(words.begin(), words.end(), [](const std::string& word) {
      return text::one_line(word) == word;
    });
    if (!is_plain) return;
    require(text::split_shell_words(text::shell_line(words)) == words,
            "what is written is read as the same");
  } catch (const std::invalid_argument& error) {
    require(std::string_view(error.what()).size() > 10, "what is refused is refused in words");
  }
}

void require_safe_to_show(const std::string& shown) {
  require(text::valid_utf8(shown) == shown, "what is shown is UTF-8");
  for (const char byte : shown) {
    require(static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7f, "it steers no terminal");
  }
}

void try_escape(std::string_view input) {
  require(text::valid_utf8(text::valid_utf8(input)) == text::valid_utf8(input), "valid is valid");
  require_safe_to_show(text::one_line(input));
  require_safe_to_show(text::quoted(input));
  require_safe_to_show(text::quoted(input, 10));
  require_safe_to_show(text::markdown_text(input));
  require_safe_to_show(text::markdown_code(input));
  require_safe_to_show(text::shell_word(input));
  const text::Notes notes{{"key", std::string(input)}, {"last", "x"}};
  const std::string written = text::format_notes(notes);
  require_safe_to_show(written);
  require(written.find("; last=x") == written.rfind("; "), "a value is one value");
}

// The first line's words are a command line that gives credentials away.
void try_redact(std::string_view input) {
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return;
  std::vector<std::string> argv{"server"};
  for (const char byte : input.substr(0, end)) {
    if (byte == ' ') {
      argv.emplace_back();
    } else if (byte != '\0') {
      argv.back() += byte;
    }
  }
  const text::Redactor redactor(argv, {{"HF_TOKEN", argv.back()}});
  const std::string_view output = input.substr(end + 1);
  const std::string whole = redactor.apply(output);
  text::StreamRedactor stream(redactor);
  std::string in_pieces;
  for (const std::string_view piece : pieces_of(output)) in_pieces += stream.feed(piece);
  in_pieces += stream.flush();
  require(in_pieces == whole, "pieces are redacted as the whole");
  (void)redactor.redact_argv(argv);
  (void)text::redact_command_line(input.substr(0, end));
}

}  // namespace

const std::vector<Target> k_text_targets{
    {"json", try_json},     {"csv", try_csv},       {"units", try_units},
    {"escape", try_escape}, {"redact", try_redact}, {"shell_words", try_shell_words},
};

}  // namespace coldload::fuzz
