#include "cli/closing.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "cli/console.h"

namespace coldload::cli {

std::string where_it_lies(const records::Results& results,
                          const measure::ExperimentResult& result) {
  const std::filesystem::path report = results.markdown_path();
  const std::filesystem::path page = std::filesystem::path(report).replace_extension(".html");
  std::string text;
  const auto add = [&text](const char* what, const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
      text += shown::text("{:<8} {}\n", what, path.string());
    }
  };
  add("report", report);
  add("page", page);
  add("records", results.jsonl_path());
  if (!result.logs.empty()) add("logs", results.directory().path_of(result.logs));
  return text;
}

std::string words_of_interrupt(const records::Results& results,
                               const measure::ExperimentResult& result) {
  const auto whole = std::count_if(
      result.records.begin(), result.records.end(),
      [](const records::Record& one) { return one.status != records::Status::interrupted; });
  if (whole == 0) {
    return "interrupted before a run was over: the same command begins anew";
  }
  return fmt::format(
      "interrupted: {} kept in {}, and the report is of {}; the same command adds to {}",
      whole == 1 ? "one run is" : fmt::format("{} runs are", whole), results.directory().path(),
      whole == 1 ? "it" : "them", whole == 1 ? "it" : "them");
}

}  // namespace coldload::cli
