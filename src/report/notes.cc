#include "report/notes.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace coldload::report {

namespace {

std::string raised(std::size_t number) {
  static constexpr std::array<const char*, 10> k_digits{"⁰", "¹", "²", "³", "⁴",
                                                        "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out;
  for (const char digit : std::to_string(number)) {
    out += k_digits.at(static_cast<std::size_t>(digit - '0'));
  }
  return out;
}

}  // namespace

std::string Notes::mark(const std::string& text) {
  if (text.empty()) return "";
  auto found = std::find(texts_.begin(), texts_.end(), text);
  if (found == texts_.end()) found = texts_.insert(found, text);
  return raised(static_cast<std::size_t>(found - texts_.begin()) + 1);
}

std::string Notes::marks(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    const std::string one = mark(text);
    if (!one.empty()) out += (out.empty() ? "" : " ") + one;
  }
  return out;
}

std::string Notes::section() const {
  if (texts_.empty()) return "";
  std::string out = "## Notes\n\n";
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    out += fmt::format("{}. {}\n", i + 1, texts_[i]);
  }
  return out + '\n';
}

}  // namespace coldload::report
