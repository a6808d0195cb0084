#include "report/markdown.h"

#include <filesystem>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/file.h"
#include "report/comparison.h"
#include "report/html.h"
#include "report/recommendation.h"
#include "report/sections.h"
#include "report/trial_chart.h"
#include "report/verdict.h"

namespace coldload::report {

namespace {

constexpr const char* k_no_trial =
    "# No trial on record\n\nThe experiment ended before its first trial did: there is nothing to "
    "report.\n";

// What a reader who stops here should know.
std::string first_screen(const Comparison& comparison) {
  std::string out = "# " + title_of(comparison) + "\n\n";
  for (const std::string& answer : answers_of(comparison)) out += answer + "\n\n";
  return out + uses_section(comparison) + recommendation_section(comparison);
}

// Every section ends in an empty line, a file in a line end.
std::string ended(std::string sections) {
  sections.pop_back();
  return sections;
}

}  // namespace

std::string short_report(const Dataset& dataset) {
  const std::vector<Comparison> comparisons = compare(dataset);
  if (comparisons.empty()) return k_no_trial;
  return ended(first_screen(comparisons.front()) + paths_section(comparisons.front()));
}

std::string markdown_report(const Dataset& dataset, const std::string& picture) {
  const std::vector<Comparison> comparisons = compare(dataset);
  if (comparisons.empty()) return k_no_trial;
  const Comparison& comparison = comparisons.front();
  std::string out = first_screen(comparison);
  out += paths_section(comparison);
  if (!picture.empty()) out += fmt::format("![every trial](<{}>)\n\n", picture);
  out += time_section(comparison);
  out += native_section(comparison);
  out += tolerance_section(comparison);
  out += staging_section(comparison);
  out += prefetch_section(comparison);
  out += expectation_section(comparison);
  out += baseline_section(comparison);
  out += placeholder_section(comparison);
  out += doubt_section(comparison);
  out += trials_section(comparison);
  out += others_section(comparisons);
  out += setting_section(comparison);
  return ended(std::move(out));
}

void write_report(const Dataset& dataset, const std::string& markdown_path) {
  const std::vector<Comparison> comparisons = compare(dataset);
  const std::string chart = comparisons.empty() ? "" : trial_chart(comparisons.front());
  const std::filesystem::path path(markdown_path);
  const auto beside = [&path](const char* extension) {
    std::filesystem::path other = path;
    return other.replace_extension(extension);
  };
  const bool has_others = path.extension() == ".md";
  const bool has_picture = has_others && !chart.empty();
  const std::string markdown =
      markdown_report(dataset, has_picture ? beside(".svg").filename().string() : "");
  if (has_picture) os::replace_text(beside(".svg"), chart);
  if (has_others) os::replace_text(beside(".html"), html_page(markdown, chart));
  os::replace_text(markdown_path, markdown);
}

}  // namespace coldload::report
