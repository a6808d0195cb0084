#include "report/markdown.h"

#include <clocale>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "charts/comparison_charts.h"
#include "findings/compare.h"
#include "golden/golden.h"
#include "os/file.h"
#include "records/json_lines.h"
#include "report/report_files.h"
#include "report/summary.h"
#include "report/terms.h"
#include "unit/records/report_cases.h"
#include "unit/temporary_directory.h"

namespace coldload::report {
namespace {

using testing::HasSubstr;
using testing::Not;

class GoldenReport : public testing::TestWithParam<ReportCase> {};

TEST_P(GoldenReport, Markdown) {
  golden::expect_golden(
      "report_" + GetParam().name + ".md",
      markdown_report(findings::compare(records::dataset_of(GetParam().records))));
}

TEST_P(GoldenReport, TerminalSummary) {
  golden::expect_golden(
      "summary_" + GetParam().name + ".txt",
      terminal_summary(findings::compare(records::dataset_of(GetParam().records))));
}

TEST_P(GoldenReport, ComparisonAsJson) {
  golden::expect_golden(
      "comparison_" + GetParam().name + ".json",
      text::to_pretty(to_json(findings::compare(records::dataset_of(GetParam().records)))));
}

TEST_P(GoldenReport, IsTheSameFromTheFileAsFromMemory) {
  const TemporaryDirectory folder("coldload-report");
  const std::string jsonl = folder.path() + "/records.jsonl";
  std::ofstream stream(jsonl, std::ios::binary);
  for (const records::Record& record : GetParam().records) stream << records::json_line_of(record);
  stream.close();
  write_report_files({jsonl}, findings::compare(records::read_dataset({jsonl})),
                     folder.path() + "/report.md");
  // Bytes that are not UTF-8 are replaced on the way to the file; what is shown is the same.
  const auto beside = [&folder](const char* name) {
    return std::filesystem::exists(folder.path() + '/' + name) ? name : "";
  };
  EXPECT_EQ(os::read_text(folder.path() + "/report.md"),
            markdown_report(findings::compare(records::dataset_of(GetParam().records)),
                            {beside("report.svg"), beside("report_timelines.svg"),
                             beside("report_layers.svg"), beside("report_herd.svg")}));
}

TEST(LayersChart, IsAsItWas) {
  const records::Dataset dataset = records::dataset_of(layers_of_cold().records);
  const findings::Comparison comparison = findings::compare(dataset).front();
  golden::expect_golden("layers.svg", charts::layers_chart(comparison, charts::Place::wide));
  golden::expect_golden("layers_narrow.svg",
                        charts::layers_chart(comparison, charts::Place::narrow));
}

TEST(HerdChart, IsAsItWas) {
  const records::Dataset dataset = records::dataset_of(herd().records);
  const findings::Comparison comparison = findings::compare(dataset).front();
  golden::expect_golden("herd.svg", charts::herd_chart(comparison, charts::Place::wide));
  golden::expect_golden("herd_narrow.svg", charts::herd_chart(comparison, charts::Place::narrow));
}

TEST_P(GoldenReport, Picture) {
  const records::Dataset dataset = records::dataset_of(GetParam().records);
  golden::expect_golden(
      "starts_" + GetParam().name + ".svg",
      charts::start_chart(findings::compare(dataset).front(), charts::Place::wide));
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenReport, testing::ValuesIn(report_cases()),
                         [](const auto& instance) { return instance.param.name; });

TEST(MarkdownReport, IsTheSameInAnyLocale) {
  const std::string before =
      markdown_report(findings::compare(records::dataset_of(net_much_slower().records)));
  if (std::setlocale(LC_ALL, "de_DE.UTF-8") == nullptr) {
    GTEST_SKIP() << "the locale de_DE.UTF-8 is not installed";
  }
  const std::string after =
      markdown_report(findings::compare(records::dataset_of(net_much_slower().records)));
  std::setlocale(LC_ALL, "C");
  EXPECT_EQ(before, after);
}

TEST(MarkdownReport, OfNoRecordsSaysSo) {
  EXPECT_THAT(markdown_report(findings::compare(records::Dataset())),
              HasSubstr("# No trial on record"));
}

// In a fenced block nothing is markup.
std::string without_code_blocks(const std::string& report) {
  std::istringstream stream(report);
  std::string out;
  std::string line;
  bool within = false;
  while (std::getline(stream, line)) {
    if (line.rfind("```", 0) == 0) within = !within;
    if (!within) out += line + '\n';
  }
  return out;
}

TEST(MarkdownReport, HostileTextStaysText) {
  const std::string report =
      markdown_report(findings::compare(records::dataset_of(hostile().records)));
  EXPECT_THAT(without_code_blocks(report), Not(HasSubstr("<script")));
  EXPECT_THAT(report, Not(HasSubstr("\n## x")));
  EXPECT_THAT(report, Not(HasSubstr("\x1b")));
  EXPECT_THAT(report, Not(HasSubstr("\xFF")));
}

TEST(MarkdownReport, ClaimsFollowTheNumbers) {
  const auto report_of = [](std::vector<records::Record> records) {
    return markdown_report(findings::compare(records::dataset_of(numbered(std::move(records)))));
  };
  const auto facts = experiment({arm("nvme"), arm("net")});
  std::vector<records::Record> slower;
  std::vector<records::Record> faster;
  for (int run = 0; run < 5; ++run) {
    slower.push_back(cold_trial(facts, "nvme", 10 + 0.1 * run));
    slower.push_back(cold_trial(facts, "net", 20 + 0.1 * run));
    faster.push_back(cold_trial(facts, "nvme", 20 + 0.1 * run));
    faster.push_back(cold_trial(facts, "net", 10 + 0.1 * run));
  }
  EXPECT_THAT(report_of(slower), HasSubstr("`net` takes 1.98 times as long as `nvme`"));
  EXPECT_THAT(report_of(faster), HasSubstr("`nvme` takes 1.98 times as long as `net`"));
  EXPECT_THAT(
      report_of(faster),
      HasSubstr("**A cold load takes 20.2 s from `nvme` and 10.2 s from `net`: 10.0 s more** (95 % "
                "interval 9.70-10.3 s)."));
}

}  // namespace
}  // namespace coldload::report
