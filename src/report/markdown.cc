#include "report/markdown.h"

#include <string_view>
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

std::string picture(const char* shows, const std::string& name) {
  return name.empty() ? "" : fmt::format("![{}](<{}>)\n\n", shows, name);
}

// What a reader who stops here should know.
std::string first_screen(const std::vector<Comparison>& comparisons, const std::string& starts) {
  const Comparison& comparison = comparisons.front();
  Notes notes;
  std::string out = "# " + title_of(comparison) + "\n\n";
  for (const std::string& answer : answers_of(comparison, &notes)) out += answer + "\n\n";
  for (const std::string& answer : answers_about_ways(comparison, &notes)) out += answer + "\n\n";
  for (const std::string& answer : answers_about_layers(comparison)) out += answer + "\n\n";
  for (const std::string& answer : answers_about_herds(comparison, &notes)) out += answer + "\n\n";
  out += setting_line(comparisons, &notes);
  out += picture("every run, and the phases of the median ones", starts);
  out += uses_section(comparison, &notes);
  out += recommendation_section(comparison, &notes);
  return out + notes.section();
}

// A section that is unfolded by who wants it: its heading is what is seen.
std::string folded(const std::string& section) {
  constexpr std::string_view k_heading = "## ";
  if (section.empty()) return "";
  const std::size_t end = section.find('\n');
  return fmt::format("<details>\n<summary>{}</summary>\n{}</details>\n\n",
                     section.substr(k_heading.size(), end - k_heading.size()),
                     section.substr(end + 1));
}

// Every section ends in an empty line, a file in a line end.
std::string ended(std::string sections) {
  sections.pop_back();
  return sections;
}

}  // namespace

std::string short_report(const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return k_no_trial;
  return ended(first_screen(comparisons, "") + paths_section(comparisons.front()));
}

std::string markdown_report(const std::vector<Comparison>& comparisons,
                            const PictureNames& pictures) {
  if (comparisons.empty()) return k_no_trial;
  const Comparison& comparison = comparisons.front();
  std::string out = first_screen(comparisons, pictures.starts);
  out += paths_section(comparison);
  out += ways_section(comparison);
  out += herd_section(
      comparison,
      picture("how long nodes take that start at once, over their number", pictures.herds));
  out += layers_section(comparison, picture("what each layer of cold adds", pictures.layers));
  out += time_section(comparison, picture("what went on in the median trials", pictures.timelines));
  for (const auto section : {native_section, tolerance_section, staging_section, prefetch_section,
                             expectation_section, baseline_section, placeholder_section}) {
    out += section(comparison);
  }
  out += before_and_after_section(comparisons);
  out += folded(doubt_section(comparison));
  out += folded(trials_section(comparison, comparisons.size() > 1));
  out += folded(others_section(comparisons));
  out += folded(setting_section(comparison));
  out += folded(repeat_section(comparison));
  return ended(std::move(out));
}

}  // namespace coldload::report
