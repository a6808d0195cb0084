// Credentials taken out of what is written and shown.
//
// A server's command line and environment hold API keys and tokens, and servers print both. What is
// a credential there is collected once; afterwards it is replaced wherever it turns up.
//
// Layer: text. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/secret_words.h"

namespace coldload::text {

using Environment = std::vector<std::pair<std::string, std::string>>;

class Redactor {
 public:
  // Knows of no value: only users and passwords in URLs are replaced.
  Redactor() = default;
  // Collects the values that `argv` and `environment` give away as credentials.
  Redactor(const std::vector<std::string>& argv, const Environment& environment);

  // The text with every collected value, and every URL's user and password, replaced. Values
  // shorter than 6 bytes stay: replacing every "1" would destroy a text.
  [[nodiscard]] std::string apply(std::string_view text) const;
  // A command line, or variables: short values are replaced too, and values of flags and names that
  // say what they are, collected or not.
  [[nodiscard]] std::vector<std::string> redact_argv(const std::vector<std::string>& argv) const;
  [[nodiscard]] Environment redact_environment(const Environment& environment) const;

 private:
  friend class StreamRedactor;

  void collect(std::string_view value);
  void prepare_search();
  [[nodiscard]] std::optional<std::size_t> beginning_of(std::string_view text,
                                                        std::size_t last) const;
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from, std::size_t end) const;
  [[nodiscard]] std::size_t length_at(std::string_view text, std::size_t at) const;
  [[nodiscard]] std::size_t unfinished_at(std::string_view text) const;
  std::size_t replace(std::string_view text, std::size_t end, std::size_t covered,
                      std::string* out) const;

  std::vector<std::string> values_;  // ascending
  // For each, the longest of the others that it begins with; its own place where there is none.
  std::vector<std::size_t> beginning_;
  std::size_t shortest_ = 0;
  std::size_t longest_ = 0;
  std::array<bool, 256> begins_{};    // whether a value begins with this byte
  std::vector<std::uint8_t> shifts_;  // by two bytes; see find()
};

// The same over a text that arrives in pieces cut anywhere. Held back is only what may be the
// beginning of a credential: less than the longest one, or a URL's unfinished host.
class StreamRedactor {
 public:
  explicit StreamRedactor(Redactor redactor) : redactor_(std::move(redactor)) {}

  // What can be passed on now: the piece itself where nothing is in it. Valid until the next call,
  // and as long as the piece is.
  [[nodiscard]] std::string_view feed(std::string_view piece);
  // The rest, at the end.
  [[nodiscard]] std::string_view flush();

 private:
  [[nodiscard]] std::string_view pass(std::string_view text, std::size_t end);

  Redactor redactor_;
  std::string held_;
  std::string joined_;
  std::string out_;
  std::size_t covered_ = 0;  // of held_: already replaced
};

}  // namespace coldload::text
