#include "text/secret_words.h"

#include <algorithm>
#include <array>
#include <locale>
#include <optional>
#include <utility>

#include <boost/algorithm/string/case_conv.hpp>

namespace coldload::text {

namespace {

constexpr std::string_view k_blanks = " \t\r\n";
constexpr std::string_view k_after_scheme = "://";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_name_character(char c) {
  return is_lower(c) || is_upper(c) || (c >= '0' && c <= '9') || c == '_';
}

std::string upper(std::string_view text) {
  return boost::to_upper_copy(std::string(text), std::locale::classic());
}

std::string_view without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// "$HF_TOKEN" and "${HF_TOKEN}" in a shell line name a secret and are none.
bool is_variable(std::string_view text) {
  if (text.size() < 2 || text.front() != '$') return false;
  text.remove_prefix(1);
  if (text.front() == '{' && text.back() == '}') text = text.substr(1, text.size() - 2);
  return std::all_of(text.begin(), text.end(), is_name_character);
}

// The pieces that a shell would make of `line`, each with its quotes.
std::vector<std::string_view> shell_pieces(std::string_view line) {
  constexpr std::string_view k_separators = " \t\r\n;&|()<>";
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  char quote = '\0';
  for (std::size_t at = 0; at <= line.size(); ++at) {
    const bool ends = at == line.size() ||
                      (quote == '\0' && k_separators.find(line[at]) != std::string_view::npos);
    if (ends) {
      if (begin < at) pieces.push_back(line.substr(begin, at - begin));
      begin = at + 1;
    } else if (quote != '\0') {
      if (line[at] == quote) quote = '\0';
    } else if (line[at] == '"' || line[at] == '\'') {
      quote = line[at];
    }
  }
  return pieces;
}

// The quoted texts of a text. Each mark is looked at once: wherever a quoted text begins, what a
// backslash hides from there on is the same.
class QuotedTexts {
 public:
  explicit QuotedTexts(std::string_view text) : text_(text) {
    const std::size_t first = text.find_first_of(k_quotes);
    if (first == std::string_view::npos) return;
    std::array<std::size_t, 2> ends{text.size(), text.size()};
    std::vector<bool> hidden(text.size());
    for (std::size_t at = first; at < text.size(); ++at) {
      if (text[at] != '\\') continue;
      ++at;
      if (at < text.size()) hidden[at] = true;
    }
    ends_.resize(text.size());
    for (std::size_t at = text.size(); at-- > first;) {
      const std::size_t mark = k_quotes.find(text[at]);
      if (mark == std::string_view::npos) continue;
      ends_[at] = ends.at(mark);
      if (!hidden[at]) ends.at(mark) = at;
    }
  }

  // The next mark from `at` on; npos where there is none.
  [[nodiscard]] std::size_t next(std::size_t at) const { return text_.find_first_of(k_quotes, at); }

  // What the quoted text that begins at `at` holds; nothing where none does or it does not end.
  [[nodiscard]] std::optional<std::string_view> at(std::size_t at) const {
    if (at >= ends_.size() || k_quotes.find(text_[at]) == std::string_view::npos) {
      return std::nullopt;
    }
    if (ends_[at] == text_.size()) return std::nullopt;
    return text_.substr(at + 1, ends_[at] - at - 1);
  }

 private:
  static constexpr std::string_view k_quotes = "\"'";
  std::string_view text_;
  std::vector<std::size_t> ends_;  // by the place of a mark: where the next of its kind ends it
};

// Asked from left to right for the next place of any or of none of some characters: what lies
// between was looked at before.
class NextPlace {
 public:
  enum class Of { any, none };
  NextPlace(std::string_view text, std::string_view characters, Of of)
      : text_(text), characters_(characters), of_(of) {}

  std::size_t from(std::size_t at) {
    if (at < asked_ || at > found_) {
      found_ = std::min(of_ == Of::any ? text_.find_first_of(characters_, at)
                                       : text_.find_first_not_of(characters_, at),
                        text_.size());
      asked_ = at;
    }
    return found_;
  }

 private:
  std::string_view text_;
  std::string_view characters_;
  Of of_;
  std::size_t asked_ = 1;  // the answer holds from there to found_
  std::size_t found_ = 0;
};

// NAME of "NAME=value"; empty where the text is none.
std::string_view assigned_name(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_name_character);
  if (end == text.end() || *end != '=') return "";
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

class Finder {
 public:
  void look_at(const std::vector<std::string_view>& words, int depth) {
    next_ = Next::any;
    std::string_view before;
    for (std::size_t index = 0; index < words.size(); ++index) {
      if (depth == 0) word_ = index;
      const std::string_view word = depth == 0 ? words[index] : without_quotes(words[index]);
      // A password may begin with a dash; a flag in its place has two.
      const std::string_view dashes = next_ == Next::any ? "-" : "--";
      const bool dashed = word.starts_with(dashes);
      const std::string_view name = word.substr(0, word.find('='));
      if (dashed && name.find_first_of(k_blanks) == std::string_view::npos) {
        look_at_flag(word, name, depth);
      } else if (next_ != Next::any) {
        // After the first value a path is rather the model's.
        const bool path = !word.empty() && (word.front() == '/' || word.front() == '{');
        if (next_ != Next::more || !path) add(word);
        next_ = next_ == Next::secret ? Next::any : Next::more;
      } else if (upper(word) == "BEARER") {
        next_ = Next::secret;
      } else {
        const bool shell = before.size() > 1 && before[0] == '-' && before.back() == 'c';
        look_into(word, depth, shell);
        next_ = Next::any;
      }
      before = word;
    }
  }

  std::vector<SecretPart> take() { return std::move(found_); }

 private:
  // What the words to come are, by the flag before them.
  enum class Next { any, secret, secrets, more };

  void look_at_flag(std::string_view word, std::string_view name, int depth) {
    next_ = Next::any;
    const bool has_value = name.size() < word.size();
    if (!is_secret_flag(name)) {
      if (has_value) look_into(word.substr(name.size() + 1), depth, false);
      next_ = Next::any;
    } else if (has_value) {
      add(without_quotes(word.substr(name.size() + 1)));
    } else {
      const std::string shouted = upper(name);
      const bool list = shouted == "--API-KEY" || shouted == "--API_KEY";
      next_ = list ? Next::secrets : Next::secret;
    }
  }

  void add(std::string_view part) {
    const bool placeholder = part.size() > 2 && part.front() == '{' && part.back() == '}' &&
                             std::all_of(part.begin() + 1, part.end() - 1, is_name_character);
    if (part.empty() || part == k_redacted || is_variable(part) || placeholder) return;
    found_.push_back({word_, part});
  }

  // NAME=value, URLs, JSON, and a shell's line.
  void look_into(std::string_view text, int depth, bool is_shell_line) {
    constexpr int k_deepest = 3;
    const bool line = text.find_first_of(k_blanks) != std::string_view::npos;
    const std::string_view name = assigned_name(text);
    const bool secret = !name.empty() && is_secret_name(name);
    // "API_KEY=two words" may be a value with a blank, or a shell's line that goes on after it.
    if (secret && !is_shell_line) add(without_quotes(text.substr(name.size() + 1)));
    if (secret && !line) return;
    look_at_urls(text);
    look_at_keys(text);
    if (line && text.front() != '{' && text.front() != '[' && depth < k_deepest) {
      look_at(shell_pieces(text), depth + 1);
    } else if (!secret) {
      look_at_assignments(text);
    }
  }

  // "A=B=value": what is assigned may assign again.
  void look_at_assignments(std::string_view text) {
    for (std::string_view name = assigned_name(text); !name.empty(); name = assigned_name(text)) {
      text = without_quotes(text.substr(name.size() + 1));
      if (is_secret_name(name)) return add(text);
    }
  }

  void look_at_urls(std::string_view text) {
    for (std::size_t at = text.find(k_after_scheme); at != std::string_view::npos;
         at = text.find(k_after_scheme, at + 1)) {
      const std::size_t length = userinfo_length(text.substr(at));
      if (length == 0) continue;
      const std::string_view both = text.substr(at + k_after_scheme.size(), length - 3);
      add(both);
      const std::size_t colon = both.find(':');
      if (colon == std::string_view::npos) continue;
      const std::string_view password = both.substr(colon + 1);
      // A token may be given as the user.
      const bool user_is_token = password.empty() || password == "x-oauth-basic";
      add(user_is_token ? both.substr(0, colon) : password);
    }
  }

  // "hf_token": "x", as JSON or Python write it; a list of texts, too.
  void look_at_keys(std::string_view text) {
    const QuotedTexts quoted(text);
    NextPlace behind_blanks(text, k_blanks, NextPlace::Of::none);
    NextPlace value_end(text, ",}] \t\r\n", NextPlace::Of::any);
    for (std::size_t at = quoted.next(0); at != std::string_view::npos; at = quoted.next(at)) {
      const auto key = quoted.at(at);
      ++at;
      if (!key) continue;
      std::size_t value_at = behind_blanks.from(at + key->size() + 1);
      if (value_at == text.size() || text[value_at] != ':') continue;
      value_at = text.find_first_not_of(k_blanks, value_at + 1);
      if (value_at == std::string_view::npos || !is_secret_flag(*key)) continue;
      at = value_at;
      if (const auto one = quoted.at(value_at)) {
        add(*one);
      } else if (text[value_at] == '[') {
        at = add_list(text, value_at, quoted);
      } else {
        const std::size_t end = value_end.from(value_at);
        add(text.substr(value_at, end - value_at));
        at = end;
      }
    }
  }

  // The texts of the list that begins there; returns where it ends.
  std::size_t add_list(std::string_view text, std::size_t begin, const QuotedTexts& quoted) {
    const std::size_t end = std::min(text.find(']', begin), text.size());
    for (std::size_t at = quoted.next(begin); at < end; at = quoted.next(at)) {
      const auto one = quoted.at(at);
      if (!one) break;
      add(*one);
      at += one->size() + 2;
    }
    return end;
  }

  std::size_t word_ = 0;
  Next next_ = Next::any;
  std::vector<SecretPart> found_;
};

}  // namespace

bool is_secret_name(std::string_view name) {
  const std::string shouted = upper(name);
  for (const std::string_view word :
       {"KEY", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL"}) {
    if (shouted.find(word) != std::string::npos) return true;
  }
  constexpr std::string_view k_token = "TOKEN";
  for (std::size_t at = shouted.find(k_token); at != std::string::npos;
       at = shouted.find(k_token, at + 1)) {
    const std::string_view rest = std::string_view(shouted).substr(at + k_token.size());
    if (!rest.starts_with("S") && !rest.starts_with("IZ")) return true;
  }
  return false;
}

bool is_secret_flag(std::string_view flag) {
  std::size_t begin = flag.size();
  constexpr std::size_t k_longest = 12;  // no word below is longer
  while (begin > 0 && is_name_character(flag[begin - 1]) && flag[begin - 1] != '_') {
    if (flag.size() - begin == k_longest) return false;
    --begin;
    // "apiKey" is two words.
    if (begin > 0 && is_upper(flag[begin]) && is_lower(flag[begin - 1])) break;
  }
  const std::string last = upper(flag.substr(begin));
  constexpr std::array<std::string_view, 8> k_words{
      "TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"};
  return std::find(k_words.begin(), k_words.end(), last) != k_words.end();
}

bool ends_userinfo(char byte) {
  constexpr std::string_view k_ends = "/?#\"'<>`\\\x7F";
  return (byte >= '\0' && byte <= ' ') || k_ends.find(byte) != std::string_view::npos;
}

std::size_t userinfo_length(std::string_view text) {
  const std::string_view window = text.substr(k_after_scheme.size(), k_longest_userinfo);
  const auto end = std::find_if(window.begin(), window.end(), ends_userinfo);
  const std::size_t at =
      window.substr(0, static_cast<std::size_t>(end - window.begin())).rfind('@');
  return at == std::string_view::npos || at == 0 ? 0 : k_after_scheme.size() + at;
}

std::vector<SecretPart> secret_parts(const std::vector<std::string_view>& words) {
  Finder finder;
  finder.look_at(words, 0);
  return finder.take();
}

std::string without_parts(std::string_view text, std::vector<std::string_view> parts) {
  std::sort(parts.begin(), parts.end(), [](std::string_view one, std::string_view other) {
    return one.data() != other.data() ? one.data() < other.data() : one.size() > other.size();
  });
  std::string out;
  std::size_t done = 0;
  for (const std::string_view part : parts) {
    const auto begin = static_cast<std::size_t>(part.data() - text.data());
    if (begin >= done) {
      out += text.substr(done, begin - done);
      out += k_redacted;
    }
    done = std::max(done, begin + part.size());
  }
  out += text.substr(done);
  return out;
}

std::string redact_command_line(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(' '); at != std::string_view::npos;
       at = text.find_first_not_of(' ', at)) {
    words.push_back(text.substr(at, text.find(' ', at) - at));
    at += words.back().size();
  }
  std::vector<std::string_view> parts;
  for (const SecretPart& found : secret_parts(words)) parts.push_back(found.part);
  return without_parts(text, std::move(parts));
}

}  // namespace coldload::text
