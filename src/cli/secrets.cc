#include "cli/secrets.h"

#include <string_view>

#include <unistd.h>

namespace coldload::cli {

text::Redactor secrets_of(const std::vector<std::string>& args) {
  text::Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return {args, environment};
}

}  // namespace coldload::cli
