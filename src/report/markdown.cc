#include "report/markdown.h"

#include <filesystem>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "charts/phase_chart.h"
#include "charts/timeline_chart.h"
#include "charts/trial_chart.h"
#include "os/file.h"
#include "report/html.h"
#include "report/recommendation.h"
#include "report/sections.h"
#include "report/terms.h"
#include "report/verdict.h"

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

std::string short_report(const records::Dataset& dataset) {
  const std::vector<Comparison> comparisons = findings::compare(dataset);
  if (comparisons.empty()) return k_no_trial;
  return ended(first_screen(comparisons) + paths_section(comparisons.front()));
}

std::string markdown_report(const records::Dataset& dataset, const PictureNames& pictures) {
  const std::vector<Comparison> comparisons = findings::compare(dataset);
  if (comparisons.empty()) return k_no_trial;
  const Comparison& comparison = comparisons.front();
  std::string out = first_screen(comparisons);
  out += paths_section(comparison);
  out += picture("every trial", pictures.trials);
  out += time_section(comparison,
                      picture("phases of the median trials", pictures.phases) +
                          picture("what went on in the median trials", pictures.timelines));
  out += native_section(comparison);
  out += tolerance_section(comparison);
  out += staging_section(comparison);
  out += prefetch_section(comparison);
  out += expectation_section(comparison);
  out += baseline_section(comparison);
  out += placeholder_section(comparison);
  out += doubt_section(comparison);
  out += trials_section(comparison, comparisons.size() > 1);
  out += others_section(comparisons);
  out += setting_section(comparison);
  return ended(std::move(out));
}

void write_report(const std::vector<std::string>& jsonl_paths, const records::Dataset& dataset,
                  const std::string& markdown_path) {
  const std::filesystem::path path(markdown_path);
  if (path.extension() != ".md") {
    os::replace_text(markdown_path, markdown_report(dataset));
    return;
  }
  const std::vector<Comparison> comparisons = findings::compare(dataset);
  const std::string stem = path.stem().string();
  PictureNames names;
  std::vector<std::string> pictures;  // in the order in which the report shows them
  const auto add = [&](const std::string& svg, const std::string& name, std::string* shown) {
    if (svg.empty()) return;
    os::replace_text(path.parent_path() / name, svg);
    *shown = name;
    pictures.push_back(svg);
  };
  if (!comparisons.empty()) {
    add(charts::trial_chart(comparisons.front()), stem + ".svg", &names.trials);
    add(charts::phase_chart(comparisons.front()), stem + "_phases.svg", &names.phases);
    const records::Timelines timelines =
        records::read_timelines(jsonl_paths, charts::timeline_trials(comparisons.front()));
    add(charts::timeline_chart(comparisons.front(), timelines), stem + "_timelines.svg",
        &names.timelines);
  }
  const std::string markdown = markdown_report(dataset, names);
  os::replace_text(path.parent_path() / (stem + ".html"), html_page(markdown, pictures));
  os::replace_text(markdown_path, markdown);
}

}  // namespace coldload::report
