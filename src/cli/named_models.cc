#include "cli/named_models.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "model/checkpoint.h"
#include "model/file_names.h"
#include "os/error.h"
#include "text/json.h"

namespace coldload::cli {

namespace {

void add_strings(const text::json::value& value, std::vector<std::string>* found) {
  if (value.is_string()) found->emplace_back(value.get_string());
  if (value.is_array()) {
    for (const auto& item : value.get_array()) add_strings(item, found);
  }
  if (value.is_object()) {
    for (const auto& member : value.get_object()) add_strings(member.value(), found);
  }
}

// The word, and what it may hold behind a name or as JSON.
std::vector<std::string> values_of(const std::string& word) {
  std::vector<std::string> values{word};
  const std::size_t equals = word.find('=');
  if (equals != std::string::npos) values.push_back(word.substr(equals + 1));
  const std::string last = values.back();
  if (!last.empty() && (last.front() == '{' || last.front() == '[')) {
    boost::json::error_code error;
    const auto parsed = boost::json::parse(last, error);
    if (!error) add_strings(parsed, &values);
  }
  return values;
}

bool is_model(const std::string& path) {
  std::error_code error;
  if (path.empty() || path.find('/') == std::string::npos) return false;
  if (std::filesystem::is_regular_file(path, error)) return model::is_weight_name(path);
  if (!std::filesystem::is_directory(path, error)) return false;
  try {
    return !model::open_checkpoint(path).shards().empty();
  } catch (const os::Error&) {
    return false;  // some other directory
  }
}

}  // namespace

std::vector<std::string> models_named_in(const std::vector<std::string>& words) {
  std::vector<std::string> found;
  for (const std::string& word : words) {
    for (const std::string& value : values_of(word)) {
      if (is_model(value)) found.push_back(std::filesystem::absolute(value));
    }
  }
  return found;
}

}  // namespace coldload::cli
