#include <filesystem>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/conditions.h"
#include "os/file.h"
#include "report/comparison.h"
#include "report/dataset.h"
#include "report/markdown.h"
#include "report/results.h"
#include "text/json.h"

namespace coldload::cli {

int run_report(const std::vector<std::string>& args) {
  CLI::App app("Writes the report again from the records alone.", "coldload report");
  std::vector<std::string> records;
  std::string output;
  std::vector<std::string> conditions;
  bool as_json = false;
  app.add_option("RECORDS", records, "storage_layout_bench.jsonl; several are joined")->required();
  app.add_flag("--json", as_json, "print the comparison as JSON instead");
  CLI::Option* output_option =
      app.add_option("-o,--output", output,
                     "the report's file (default: storage_layout_bench.md beside the first)");
  add_condition_flag(&app, &conditions);
  if (!parse(app, args)) return k_exit_ok;
  if (as_json && !output_option->empty()) {
    throw UsageError("--json prints to stdout: it takes no --output");
  }

  const auto wanted = parse_conditions(conditions);
  const report::Dataset dataset = report::read_dataset(records);
  if (as_json) {
    fmt::print("{}", text::to_pretty(report::to_json(report::compare(dataset))));
    return any_holds(wanted, dataset) ? k_exit_condition : k_exit_ok;
  }
  if (output.empty()) {
    output =
        (std::filesystem::path(records.front()).parent_path() / report::k_markdown_name).string();
  }
  os::replace_text(output, report::markdown_report(dataset));
  fmt::print("{}\n", output);
  return any_holds(wanted, dataset) ? k_exit_condition : k_exit_ok;
}

}  // namespace coldload::cli
