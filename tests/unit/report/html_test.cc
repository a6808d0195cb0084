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
  std::vector<Picture> pictures;
  PictureNames names;
  Picture starts{charts::start_chart(comparison, charts::Place::wide),
                 charts::start_chart(comparison, charts::Place::narrow)};
  if (!starts.wide.empty()) {
    pictures.push_back(starts);
    names.starts = "report.svg";
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
  EXPECT_EQ(count(page, "**"), 0U) << "bold that is not closed";
}

// Bold ends before the full stop: after one, it would not end at a note's mark.
TEST(HtmlPage, HasBoldThatIsClosedBeforeANotesMark) {
  ReportCase herds = herd();
  for (records::Record& record : herds.records) record.herd->host = "one machine";
  const std::string page = page_of(herds);
  EXPECT_THAT(page, HasSubstr("All nodes were one machine"));
  EXPECT_EQ(count(page, "**"), 0U);
}

INSTANTIATE_TEST_SUITE_P(Cases, HtmlPageOfCase, testing::ValuesIn(report_cases()),
                         [](const auto& instance) { return instance.param.name; });

TEST(HtmlPage, HasThePicturesRulesOnceAndTheFilesHaveTheirOwn) {
  const std::string page = page_of(net_much_slower());
  EXPECT_EQ(count(page, "<svg "), 2U);
  EXPECT_EQ(count(page, "<style>"), 1U);
  EXPECT_EQ(count(page, charts::svg::style()), 1U);
  const records::Dataset dataset = records::dataset_of(net_much_slower().records);
  const std::string file =
      charts::start_chart(findings::compare(dataset).front(), charts::Place::wide);
  EXPECT_EQ(count(file, charts::svg::style_element()), 1U);
}

TEST(HtmlPage, ShowsThePictureBeforeAllElseThatIsLong) {
  const std::string page = page_of(net_much_slower());
  EXPECT_EQ(count(page, "<svg"), 2U) << "for a screen, and for a phone";
  EXPECT_LT(page.find("Every run, and the median ones"), page.find("<table"));
  EXPECT_LT(page.find("<table"), page.find("What to do</h2>"));
  EXPECT_THAT(page, Not(HasSubstr("report.svg")));
}

TEST(HtmlPage, FoldsWhatOnlyADoubterReadsAndLinksToAll) {
  const std::string page = page_of(net_much_slower());
  for (const char* const folded : {"what-to-doubt", "every-trial", "setting", "how-to-repeat-it"}) {
    EXPECT_EQ(count(page, std::string("<details id=\"") + folded + "\">\n<summary>"), 1U) << folded;
    EXPECT_EQ(count(page, std::string("href=\"#") + folded + '"'), 1U) << folded;
  }
  EXPECT_EQ(count(page, "<details"), count(page, "</details>"));
  EXPECT_THAT(page, HasSubstr("<h2 id=\"where-the-time-goes\">"));
  EXPECT_LT(page.find("<h2 id=\"what-to-do\">"), page.find("<nav"));
}

TEST(HtmlPage, OnlyTheReportsOwnFoldsAreMarkup) {
  const std::string page = html_page(
      "<details>\n<summary>Fine</summary>\n\ntext\n\n</details>\n\n"
      "<details>\n<summary><script>alert(1)</script></summary>\n\n"
      "<details open onclick=alert(2)>\n<summary>x</summary>\n\n",
      {});
  EXPECT_THAT(page, HasSubstr("<summary>Fine</summary>"));
  EXPECT_EQ(count(page, "<details"), 1U);
  EXPECT_THAT(page, Not(HasSubstr("alert(")));
}

TEST(HtmlPage, AFigureStaysWithItsUnitButForCode) {
  EXPECT_THAT(html_page("It took 83.5 s, 1.48 GB/s, `sleep 5 s`.\n", {}),
              HasSubstr("83.5\u00a0s, 1.48\u00a0GB/s, <code>sleep 5 s</code>"));
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
