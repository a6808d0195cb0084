// The advice as a section of the report, and as a file of its own.
#include <fmt/format.h>

#include "report/node_bootstrap.h"
#include "report/recommendation.h"
#include "report/sections.h"
#include "report/wording.h"

namespace coldload::report {

std::string recommendation_section(const Comparison& comparison, Notes* notes) {
  constexpr std::size_t k_most = 6;  // lines of a first screen; the others are notes of the last
  std::vector<std::string> lines;
  std::vector<std::string> others;
  for (const Advice& advice : recommendations_of(comparison)) {
    if (lines.size() < k_most) {
      lines.push_back(advice.line + notes->mark(advice.more));
    } else {
      others.push_back(to_string(advice));
    }
  }
  if (lines.empty()) return "";
  lines.back() += notes->marks(others);
  return "## What to do\n\n" + bullets(lines) + '\n';
}

std::string recommendation_note(const Comparison& comparison) {
  std::string out = "# Storage layout: what to do\n\n";
  for (const Arm& arm : comparison.arms) {
    if (!is_stand_in(arm)) continue;
    out += fmt::format("{} was a stand-in at {}, not a network.\n\n", name_of(arm),
                       markdown_text(arm.facts.stand_in->spec));
  }
  for (const std::string& caveat : names_that_mislead(comparison)) out += caveat + "\n\n";
  if (!all_verified(comparison)) {
    out += "Not all trials were verified to be cold: paths without that are left out here.\n\n";
  }
  std::vector<std::string> advice;
  for (const Advice& one : recommendations_of(comparison)) advice.push_back(to_string(one));
  const std::string script = node_bootstrap_of(comparison);
  if (advice.empty() && script.empty()) {
    return out + "Nothing was measured that could be recommended from.\n";
  }
  out += bullets(advice);
  if (!script.empty()) out += "\n## How a node starts\n\n" + code_block(script, "bash");
  const std::vector<std::string> take_aways = take_aways_of(comparison);
  if (!take_aways.empty()) out += "\n## To take away\n\n";
  int number = 0;
  for (const std::string& sentence : take_aways) {
    out += fmt::format("{}. {}\n", ++number, sentence);
  }
  return out +
         "\nWritten by coldload from the records of the experiment; its report has the evidence.\n";
}

}  // namespace coldload::report
