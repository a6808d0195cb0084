#include "cli/closing.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/console.h"
#include "cli/terminal.h"
#include "findings/compare.h"
#include "findings/comparison.h"
#include "os/interrupt.h"
#include "report/comparison_json.h"
#include "report/report_files.h"
#include "report/summary.h"

namespace coldload::cli {

namespace {

// A line for each file and folder that is there: report, page, records, logs.
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

// Of an experiment that was interrupted: what is kept, and how to go on.
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

}  // namespace

records::Dataset write_report(const records::Results& results, bool json) {
  const std::vector<std::string> paths{results.jsonl_path()};
  records::Dataset dataset = records::read_dataset(paths);
  if (dataset.trials().empty()) return dataset;
  const std::vector<findings::Comparison> comparisons = findings::compare(dataset);
  // Shown first: a disk that is full shall not hide what was measured.
  if (json) {
    print_out("{}", Lines(text::to_pretty(report::to_json(comparisons))));
  } else {
    constexpr std::size_t k_indent = 2;
    print_out("{}",
              Lines(wrapped_for(Stream::out, report::terminal_summary(comparisons), k_indent)));
  }
  report::write_report_files(paths, comparisons, results.markdown_path());
  return dataset;
}

void tell_end(const ExperimentRequest& request, const records::Results& results,
              const measure::ExperimentResult& result) {
  const std::string places = where_it_lies(results, result);
  if (!request.json) print_out("{}", Lines(places));
  if (request.json && request.verbosity != Verbosity::quiet) print_err("{}", Lines(places));
  if (!result.stopped_because.empty()) {
    print_err("coldload: stopped: {}\n", request.plan.secrets.apply(result.stopped_because));
  }
  if (result.interrupted) print_err("coldload: {}\n", words_of_interrupt(results, result));
}

int exit_code(const measure::ExperimentResult& result, bool ignore_failure, bool condition_holds) {
  if (result.interrupted || os::interrupted()) return k_exit_interrupted;
  if (result.failed && !ignore_failure) return k_exit_failed;
  if (!result.stopped_because.empty()) return k_exit_failed;
  if (result.not_cold) return k_exit_not_cold;
  return condition_holds ? k_exit_condition : k_exit_ok;
}

}  // namespace coldload::cli
