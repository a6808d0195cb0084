#include "report/markdown.h"

#include <utility>

#include <fmt/format.h>

#include "report/claims.h"
#include "report/recommendation.h"
#include "report/sections.h"

namespace coldload::report {

namespace {

constexpr const char* k_no_trial =
    "# No trial on record\n\nThe experiment ended before its first trial did: there is nothing to "
    "report.\n";

// What a reader who stops here should know.
std::string first_screen(const std::vector<Comparison>& comparisons) {
  const Comparison& comparison = comparisons.front();
  std::string out = "# " + title_of(comparison) + "\n\n";
  for (const std::string& answer : answers_of(comparison)) out += answer + "\n\n";
  return out + uses_section(comparison) + server_note(comparisons) +
         recommendation_section(comparison);
}

std::string picture(const char* shows, const std::string& name) {
  return name.empty() ? "" : fmt::format("![{}](<{}>)\n\n", shows, name);
}

// Every section ends in an empty line, a file in a line end.
std::string ended(std::string sections) {
  sections.pop_back();
  return sections;
}

}  // namespace

std::string short_report(const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return k_no_trial;
  return ended(first_screen(comparisons) + paths_section(comparisons.front()));
}

std::string markdown_report(const std::vector<Comparison>& comparisons,
                            const PictureNames& pictures) {
  if (comparisons.empty()) return k_no_trial;
  const Comparison& comparison = comparisons.front();
  std::string out = first_screen(comparisons);
  out += paths_section(comparison);
  out += picture("every trial", pictures.trials);
  out += time_section(comparison,
                      picture("phases of the median trials", pictures.phases) +
                          picture("what went on in the median trials", pictures.timelines));
  for (const auto section :
       {native_section, tolerance_section, staging_section, prefetch_section, expectation_section,
        baseline_section, placeholder_section, doubt_section}) {
    out += section(comparison);
  }
  out += trials_section(comparison, comparisons.size() > 1);
  out += others_section(comparisons);
  out += setting_section(comparison);
  return ended(std::move(out));
}

}  // namespace coldload::report
