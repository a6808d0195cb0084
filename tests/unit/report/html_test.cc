#include "report/html.h"

#include <cstddef>

#include <gmock/gmock.h>

#include "charts/comparison_charts.h"
#include "findings/compare.h"
#include "report/markdown.h"
#include "report/terms.h"
#include "unit/records/report_cases.h"

namespace coldload::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HtmlPageOfCase : public ::testing::TestWithParam<ReportCase> {};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

std::string page_of(const ReportCase& example) {
  const records::Dataset dataset = records::dataset_of(example.records);
  const Comparison comparison = findings::compare(dataset).front();
  const std::string trials = charts::trial_chart(comparison);
  const std::string phases = charts::phase_chart(comparison);
  std::vector<std::string> pictures;
  PictureNames names;
  if (!trials.empty()) {
    pictures.push_back(trials);
    names.trials = "report.svg";
  }
  if (!phases.empty()) {
    pictures.push_back(phases);
    names.phases = "report_phases.svg";
  }
  return html_page(markdown_report(findings::compare(dataset), names), pictures);
}

// Whatever labels, paths and reasons hold.
TEST_P(HtmlPageOfCase, NeedsNothingBesideItAndRunsNothingButItsOwn) {
  const std::string page = page_of(GetParam());
  EXPECT_EQ(count(page, "<script"), 1U);
  EXPECT_EQ(count(page, "</html>"), 1U);
  for (const char* const tag : {"<img", "<iframe", "<link", "<object", "<base"}) {
    EXPECT_EQ(count(page, tag), 0U) << tag;
  }
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_EQ(count(page, "<table>"), count(page, "</table></div>"));
  EXPECT_EQ(count(page, "<thead>"), count(page, "<table>"));
  EXPECT_EQ(count(page, "<th>"), 0U);
}

INSTANTIATE_TEST_SUITE_P(Cases, HtmlPageOfCase, testing::ValuesIn(report_cases()),
                         [](const auto& instance) { return instance.param.name; });

TEST(HtmlPage, ShowsThePicturesInPlace) {
  const std::string page = page_of(net_much_slower());
  EXPECT_EQ(count(page, "<svg"), 2U);
  const std::size_t time_section = page.find("Where the time goes</h2>");
  EXPECT_LT(page.find("Every trial"), time_section);
  EXPECT_GT(page.find("Phases of the median trials"), time_section);
  EXPECT_THAT(page, Not(HasSubstr("report.svg")));
}

TEST(HtmlPage, MarkupInTheReportStaysText) {
  const std::string page =
      html_page("# A `title` <b>\n\n<script>alert(1)</script>\n\n[x](javascript:alert(2))\n", {});
  EXPECT_THAT(page, Not(HasSubstr("alert(1)")));
  EXPECT_THAT(page, Not(HasSubstr("alert(2)")));
  EXPECT_THAT(page, HasSubstr("<title>A title </title>"));
}

}  // namespace
}  // namespace coldload::report
