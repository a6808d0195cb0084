#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/conditions.h"
#include "cli/what_if_flag.h"
#include "findings/compare.h"
#include "findings/comparison.h"
#include "os/error.h"
#include "os/standard_streams.h"
#include "records/dataset.h"
#include "records/results.h"
#include "report/comparison_json.h"
#include "report/markdown.h"
#include "report/recommendation.h"
#include "report/report_files.h"
#include "report/what_if.h"
#include "text/json.h"

namespace coldload::cli {

namespace {

// Throws UsageError where several of them are given.
void check_one_form(const std::vector<CLI::Option*>& forms) {
  const CLI::Option* given = nullptr;
  for (const CLI::Option* form : forms) {
    if (form->count() == 0) continue;
    if (given != nullptr) {
      throw UsageError(fmt::format("{} and {}: only one form of the report at a time",
                                   given->get_name(), form->get_name()));
    }
    given = form;
  }
}

const findings::Comparison& latest_of(const std::vector<findings::Comparison>& comparisons,
                                      const char* flag) {
  if (comparisons.empty()) throw os::Error(fmt::format("{}: there is no trial on record", flag));
  return comparisons.front();
}

std::string what_if_text(const findings::Comparison& comparison, const WhatIf& asked) {
  if (asked.rate_bytes_per_s) return report::what_if_text(comparison, *asked.rate_bytes_per_s);
  return report::what_if_nodes_text(comparison, *asked.nodes, asked.server_bytes_per_s);
}

}  // namespace

int run_report(const std::vector<std::string>& args) {
  CLI::App app("Writes the report again from the records alone.", "coldload report");
  std::vector<std::string> records;
  std::string output;
  std::vector<findings::Condition> conditions;
  std::string what_if;
  bool recommendation = false;
  bool as_short = false;
  bool as_json = false;
  app.add_option("RECORDS", records, "storage_layout_bench.jsonl; several are joined")->required();
  app.option_defaults()->group("One form of it");
  const std::vector<CLI::Option*> forms{
      app.add_option("-o,--output", output,
                     "the report's file (default: storage_layout_bench.md beside the first)")
          ->type_name("FILE"),
      app.add_flag("--json", as_json, "print the comparison as JSON instead"),
      app.add_flag("--short", as_short,
                   "print the first screen alone, for a pull request or a CI job's summary"),
      app.add_flag("--recommendation", recommendation,
                   "print what to do as a note of its own, with a script that starts a node so"),
      app.add_option("--what-if", what_if,
                     "print what starts would take if storage delivered that instead (rate=5GB/s), "
                     "or if so many nodes started at once (nodes=64, nodes=64,server=10GB/s)")
          ->type_name(k_what_if_forms)};
  app.option_defaults()->group("Options");
  add_condition_flag(&app, &conditions);
  if (!parse(app, args)) return k_exit_ok;
  check_one_form(forms);
  const std::optional<WhatIf> asked = parse_what_if(what_if);
  const records::Dataset dataset = records::read_dataset(records);
  const std::vector<findings::Comparison> comparisons = findings::compare(dataset);
  if (asked) {
    print_out("{}", Lines(what_if_text(latest_of(comparisons, "--what-if"), *asked)));
  } else if (recommendation) {
    print_out("{}", Lines(report::recommendation_note(latest_of(comparisons, "--recommendation"))));
  } else if (as_short) {
    print_out("{}", Lines(report::short_report(comparisons)));
  } else if (as_json) {
    print_out("{}", Lines(text::to_pretty(report::to_json(comparisons))));
  } else {
    if (output.empty()) {
      output = (std::filesystem::path(records.front()).parent_path() / records::k_markdown_name)
                   .string();
    }
    const bool is_shown = os::is_standard_output(output);
    report::write_report_files(records, comparisons, output);
    if (!is_shown) print_out("{}\n", output);
  }
  return any_holds(conditions, comparisons) ? k_exit_condition : k_exit_ok;
}

}  // namespace coldload::cli
