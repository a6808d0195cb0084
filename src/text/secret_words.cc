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

// What a quoted text at the beginning of `text` holds; nothing where none is or it does not end.
std::optional<std::string_view> quoted_at(std::string_view text) {
  if (text.empty() || (text.front() != '"' && text.front() != '\'')) return std::nullopt;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == text.front()) {
      return text.substr(1, at - 1);
    }
  }
  return std::nullopt;
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
    const auto name_end = std::find_if_not(text.begin(), text.end(), is_name_character);
    const auto name_length = static_cast<std::size_t>(name_end - text.begin());
    const bool assigns = name_length > 0 && name_end != text.end() && *name_end == '=';
    const bool secret = assigns && is_secret_name(text.substr(0, name_length));
    // "API_KEY=two words" may be a value with a blank, or a shell's line that goes on after it.
    if (secret && !is_shell_line) add(without_quotes(text.substr(name_length + 1)));
    if (secret && !line) return;
    look_at_urls(text);
    look_at_keys(text);
    if (line && text.front() != '{' && text.front() != '[' && depth < k_deepest) {
      look_at(shell_pieces(text), depth + 1);
    } else if (assigns && !secret) {
      look_into(without_quotes(text.substr(name_length + 1)), depth, false);
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
    for (std::size_t at = text.find_first_of("\"'"); at != std::string_view::npos;
         at = text.find_first_of("\"'", at)) {
      const auto key = quoted_at(text.substr(at));
      ++at;
      if (!key) continue;
      std::size_t value_at = text.find_first_not_of(k_blanks, at + key->size() + 1);
      if (value_at == std::string_view::npos || text[value_at] != ':') continue;
      value_at = text.find_first_not_of(k_blanks, value_at + 1);
      if (value_at == std::string_view::npos || !is_secret_flag(*key)) continue;
      at = value_at;
      add_values(text.substr(value_at));
    }
  }

  void add_values(std::string_view text) {
    if (const auto one = quoted_at(text)) return add(*one);
    if (text.front() != '[') return add(text.substr(0, text.find_first_of(",}] \t\r\n")));
    text = text.substr(0, text.find(']'));
    for (std::size_t at = text.find_first_of("\"'"); at != std::string_view::npos;
         at = text.find_first_of("\"'", at)) {
      const auto one = quoted_at(text.substr(at));
      if (!one) return;
      add(*one);
      at += one->size() + 2;
    }
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
  while (begin > 0 && is_name_character(flag[begin - 1]) && flag[begin - 1] != '_') {
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
