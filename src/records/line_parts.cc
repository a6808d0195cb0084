#include "records/line_parts.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "records/fields.h"

namespace coldload::records {

namespace {

template <typename Parts>
using Part = std::string Parts::*;

Part<LineParts> part_of_experiment(std::string_view key) {
  if (key == "arms") return &LineParts::arms;
  if (key == "command") return &LineParts::command;
  return key == "environment" ? &LineParts::environment : &LineParts::rest;
}

Part<LineParts> part_of(std::string_view key, const LineParts& /*parts*/) {
  static const std::unordered_map<std::string_view, Part<LineParts>> k_parts = [] {
    std::unordered_map<std::string_view, Part<LineParts>> parts;
    for (const Field& field : experiment_fields()) {
      const std::string_view name = field.member.key;
      if (name == "experiment" || name == "seed") continue;
      parts.emplace(name, part_of_experiment(name));
    }
    return parts;
  }();
  const auto found = k_parts.find(key);
  return found == k_parts.end() ? &LineParts::trial : found->second;
}

Part<ArmTexts> part_of(std::string_view key, const ArmTexts& /*parts*/) {
  if (key == "path") return &ArmTexts::path;
  if (key == "storage") return &ArmTexts::storage;
  return key == "floor" ? &ArmTexts::floor : &ArmTexts::rest;
}

constexpr std::array k_line_parts{&LineParts::trial, &LineParts::arms, &LineParts::command,
                                  &LineParts::environment, &LineParts::rest};
constexpr std::array k_arm_parts{&ArmTexts::path, &ArmTexts::storage, &ArmTexts::floor,
                                 &ArmTexts::rest};

// Whether a byte within an object or list may change what is a part of it.
constexpr auto k_opens_or_closes = [] {
  std::array<bool, 256> bytes{};
  for (const char one : {'"', '{', '[', ']', '}'}) bytes.at(static_cast<unsigned char>(one)) = true;
  return bytes;
}();

// Goes on through a text that may be JSON. What skips is false where the text ends before.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] bool is_at_end() { return peek() == '\0' && at_ == end_; }

  // The next character that is no blank; 0 at the end.
  [[nodiscard]] char peek() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) ++at_;
    return at_ == end_ ? '\0' : *at_;
  }
  [[nodiscard]] bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  // Past the quote that ends the text whose first quote is here.
  [[nodiscard]] bool skip_text() {
    const char* const begin = ++at_;
    while (true) {
      const void* const quote = std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_));
      if (quote == nullptr) return false;
      const char* const found = static_cast<const char*>(quote);
      at_ = found + 1;
      const char* slash = found;
      while (slash != begin && *(slash - 1) == '\\') --slash;
      if ((found - slash) % 2 == 0) return true;
    }
  }

  // Past the value that begins here.
  [[nodiscard]] bool skip_value() {
    const char first = peek();
    if (first == '"') return skip_text();
    if (first == '{' || first == '[') return skip_nested();
    const char* const begin = at_;
    while (at_ != end_ && *at_ != ',' && *at_ != '}') ++at_;
    return at_ != begin;
  }

 private:
  bool skip_nested() {
    int depth = 0;
    while (true) {
      while (at_ != end_ && !k_opens_or_closes[static_cast<unsigned char>(*at_)]) ++at_;
      if (at_ == end_) return false;
      switch (*at_) {
        case '"':
          if (!skip_text()) return false;
          continue;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          --depth;
          break;
        default:
          break;
      }
      ++at_;
      if (depth == 0) return true;
    }
  }

  const char* at_;
  const char* end_;
};

// The member that begins here: from its key's quote to its value's end.
std::optional<std::string_view> next_member(Scanner* scanner, std::string_view* key) {
  if (scanner->peek() != '"') return std::nullopt;
  const char* const begin = scanner->at();
  if (!scanner->skip_text()) return std::nullopt;
  *key = std::string_view(begin + 1, static_cast<std::size_t>(scanner->at() - begin) - 2);
  if (key->find('\\') != std::string_view::npos) return std::nullopt;
  if (!scanner->take(':') || !scanner->skip_value()) return std::nullopt;
  return std::string_view(begin, static_cast<std::size_t>(scanner->at() - begin));
}

// The object that begins here, to its end.
template <typename Parts, std::size_t Count>
bool part_object(Scanner* scanner, const std::array<Part<Parts>, Count>& all, Parts* parts) {
  for (const Part<Parts> part : all) parts->*part = "{";
  if (!scanner->take('{')) return false;
  do {
    std::string_view key;
    const auto member = next_member(scanner, &key);
    if (!member) return false;
    std::string& part = parts->*part_of(key, *parts);
    if (part.size() > 1) part += ',';
    part += *member;
  } while (scanner->take(','));
  for (const Part<Parts> part : all) parts->*part += '}';
  return scanner->take('}');
}

}  // namespace

bool part_line(std::string_view line, LineParts* parts) {
  Scanner scanner(line);
  return part_object(&scanner, k_line_parts, parts) && scanner.is_at_end();
}

bool part_arms(std::string_view object, std::vector<ArmTexts>* arms) {
  constexpr std::string_view k_begin = "{\"arms\":";
  arms->clear();
  if (!object.starts_with(k_begin)) return false;
  Scanner scanner(object.substr(k_begin.size()));
  if (!scanner.take('[')) return false;
  do {
    if (!part_object(&scanner, k_arm_parts, &arms->emplace_back())) return false;
  } while (scanner.take(','));
  return scanner.take(']') && scanner.take('}') && scanner.is_at_end();
}

}  // namespace coldload::records
