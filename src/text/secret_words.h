// Which words of a command line or an environment are credentials.
//
// A name decides: --api-key, HF_TOKEN, "hf_token" in JSON. So do the places where credentials go
// without one: a URL's user and password, the word after "Bearer".
//
// Layer: text. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coldload::text {

inline constexpr std::string_view k_redacted = "[redacted]";

// An environment variable's name that holds TOKEN, KEY, SECRET, PASSWORD, PASSWD, PASSPHRASE or
// CREDENTIAL, in any case. TOKENIZERS_PARALLELISM and MAX_TOKENS are no secrets.
[[nodiscard]] bool is_secret_name(std::string_view name);

// A flag (or a JSON key) whose last word is one of those: --api-key, --hf_token, "apiKey". Not
// --tokenizer, --key-cache, --max-num-batched-tokens.
[[nodiscard]] bool is_secret_flag(std::string_view flag);

// The bytes of `text`, which begins with "://", that are "://" and a URL's user and password; 0
// where no '@' follows before the host ends. A longer one than k_longest_userinfo is none.
inline constexpr std::size_t k_longest_userinfo = 1024;
[[nodiscard]] std::size_t userinfo_length(std::string_view text);
// Whether a URL's user and password cannot go on past this byte.
[[nodiscard]] bool ends_userinfo(char byte);

// A credential within one word of a command line.
struct SecretPart {
  std::size_t word = 0;   // its index
  std::string_view part;  // points into that word
};

// Every credential in a command line, in order; parts of one word may overlap. A word that holds
// blanks is looked into as a shell would split it. After --api-key every word up to the next flag
// is one, as vLLM reads it, but for paths and placeholders.
[[nodiscard]] std::vector<SecretPart> secret_parts(const std::vector<std::string_view>& words);

// `text` with `parts` of it replaced by k_redacted.
[[nodiscard]] std::string without_parts(std::string_view text, std::vector<std::string_view> parts);

// A process's command line as one text, its words joined by blanks and perhaps cut at the end,
// without the values that its flags and names say are credentials.
[[nodiscard]] std::string redact_command_line(std::string_view text);

}  // namespace coldload::text
