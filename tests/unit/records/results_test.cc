#include "records/results.h"

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"
#include "records/csv_row.h"
#include "records/json_lines.h"
#include "text/csv.h"
#include "unit/records/records.h"
#include "unit/temporary_directory.h"

namespace coldload::records {
namespace {

using testing::HasSubstr;

class ResultsTest : public testing::Test {
 protected:
  std::string csv() const { return folder_.path() + "/" + k_csv_name; }
  std::string jsonl() const { return folder_.path() + "/" + k_jsonl_name; }

  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  static Record trial(double load_s = 4.25) {
    return cold_trial(experiment({arm("nvme"), arm("net")}), "nvme", load_s);
  }

  void append_some(int count) {
    Results results(folder_.path());
    for (int number = 0; number < count; ++number) {
      Record record = trial();
      results.append(record);
    }
  }

  std::string error_on_opening() const {
    try {
      const Results results(folder_.path());
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }

  std::vector<std::string> csv_ids() const {
    std::string error;
    const auto rows = text::parse_csv(os::read_text(csv()), &error);
    std::vector<std::string> ids;
    for (auto row = rows->begin() + 1; row != rows->end(); ++row) ids.push_back(row->fields[0]);
    return ids;
  }

  std::vector<std::string> jsonl_ids() const {
    std::vector<std::string> ids;
    for_each_record(jsonl(),
                    [&ids](const Record& record) { ids.push_back(std::to_string(record.run_id)); });
    return ids;
  }

  TemporaryDirectory folder_{"coldload-results"};
};

TEST_F(ResultsTest, CreatesTheDirectoryAndAppendsToBothFiles) {
  Results results(folder_.path() + "/a/b");
  Record first = trial(4.25);
  Record second = trial(30.5);
  results.append(first);
  results.append(second);
  EXPECT_EQ(first.run_id, 1U);
  EXPECT_EQ(second.run_id, 2U);
  EXPECT_EQ(os::read_text(results.csv_path()),
            csv_header() + csv_row_of(first) + csv_row_of(second));
  EXPECT_EQ(os::read_text(results.jsonl_path()), json_line_of(first) + json_line_of(second));
  EXPECT_EQ(results.markdown_path(), folder_.path() + "/a/b/storage_layout_bench.md");
}

TEST_F(ResultsTest, GoesOnWithTheNumbersOfAnEarlierExperiment) {
  append_some(2);
  append_some(1);
  EXPECT_EQ(csv_ids(), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(jsonl_ids(), csv_ids());
}

TEST_F(ResultsTest, GoesOnAfterTheRowsThatAnotherHasAddedMeanwhile) {
  Results mine(folder_.path());
  Results others(folder_.path());
  for (Results* results : {&mine, &others, &mine}) {
    Record record = trial();
    results->append(record);
  }
  EXPECT_EQ(csv_ids(), (std::vector<std::string>{"1", "2", "3"}));
}

TEST_F(ResultsTest, RefusesAnotherHeaderAndLeavesTheFileAlone) {
  for (const std::string& text :
       {std::string("a,b\n1,2\n"), "x" + csv_header(), std::string("run_id"),
        csv_header().substr(0, csv_header().size() - 1) + "\r\n",
        csv_header().substr(0, csv_header().size() - 1) + ",more\n",
        "\xEF\xBB\xBF" + csv_header()}) {
    write(csv(), text);
    EXPECT_THAT(error_on_opening(), HasSubstr("its header is")) << text;
    EXPECT_EQ(os::read_text(csv()), text);
  }
  EXPECT_THAT(error_on_opening(), HasSubstr("(with a byte order mark)"));
}

TEST_F(ResultsTest, RefusesRowsThatAreNotCsvAndNamesTheLine) {
  write(csv(), csv_header() + "1,nvme,m,,1.0,,\n2,nvme\n");
  EXPECT_THAT(error_on_opening(), HasSubstr("line 3: 2 fields where the header has 7"));
}

TEST_F(ResultsTest, RefusesACsvWhoseLastLineHasNoEnd) {
  const std::string text = csv_header() + "1,nvme,m,,1.0,,";
  write(csv(), text);
  EXPECT_THAT(error_on_opening(), HasSubstr("no line end"));
  EXPECT_EQ(os::read_text(csv()), text);
}

TEST_F(ResultsTest, KeepsRowsOfAnotherToolAndGoesOnAfterThem) {
  const std::string seed = csv_header() + "7,nvme,m,4096,31.5,66190,by hand\nx9,net,m,,,,\n";
  write(csv(), seed);
  Results results(folder_.path());
  EXPECT_EQ(results.rows_without_records(), 2U);
  Record record = trial();
  results.append(record);
  EXPECT_EQ(record.run_id, 8U);
  EXPECT_EQ(os::read_text(csv()), seed + csv_row_of(record));
  EXPECT_EQ(Results(folder_.path()).rows_without_records(), 2U);
}

TEST_F(ResultsTest, ANumberTooLargeToCountOnIsSomebodysIdentity) {
  write(csv(), csv_header() + "1000000000000000,nvme,m,,1.0,,\n1000000000000001,net,m,,1.0,,\n");
  Results results(folder_.path());
  Record record = trial();
  results.append(record);
  EXPECT_EQ(record.run_id, 1'000'000'000'000'001U) << "one past the first row's";
}

TEST_F(ResultsTest, WritesTheRowThatACrashLeftOut) {
  append_some(2);
  Record third = trial();
  third.run_id = 3;
  write(jsonl(), os::read_text(jsonl()) + json_line_of(third));
  const Results results(folder_.path());
  EXPECT_EQ(results.mended().size(), 1U);
  EXPECT_EQ(csv_ids(), (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(results.rows_without_records(), 0U);
}

TEST_F(ResultsTest, WritesTheFirstRowThatACrashLeftOut) {
  append_some(1);
  write(csv(), csv_header());
  EXPECT_EQ(Results(folder_.path()).mended().size(), 1U);
  EXPECT_EQ(csv_ids(), (std::vector<std::string>{"1"}));
}

TEST_F(ResultsTest, CutsOffARecordThatWasNotWrittenToItsEnd) {
  append_some(2);
  const std::string before = os::read_text(jsonl());
  for (const std::size_t written : {1U, 100U}) {
    write(jsonl(), before + json_line_of(trial()).substr(0, written));
    const Results results(folder_.path());
    EXPECT_EQ(results.mended().size(), 1U);
    EXPECT_EQ(os::read_text(jsonl()), before);
  }
}

TEST_F(ResultsTest, ExplainsFilesThatDoNotBelongTogether) {
  append_some(3);
  const std::string csv_text = os::read_text(csv());
  const std::string jsonl_text = os::read_text(jsonl());
  const std::size_t first_line = jsonl_text.find('\n') + 1;
  const std::size_t second_line = jsonl_text.find('\n', first_line) + 1;
  const std::size_t first_row = csv_header().size();

  write(jsonl(), jsonl_text.substr(0, second_line));  // the last record is lost
  EXPECT_THAT(error_on_opening(), HasSubstr("3 rows"));
  write(jsonl(), jsonl_text.substr(0, first_line));
  EXPECT_NE(error_on_opening(), "");
  write(jsonl(), jsonl_text.substr(second_line));  // the first two are lost: as if from elsewhere
  EXPECT_EQ(error_on_opening(), "");
  write(jsonl(), jsonl_text);
  write(csv(), csv_text.substr(0, csv_text.find('\n', first_row) + 1));  // two rows are lost
  EXPECT_THAT(error_on_opening(), HasSubstr("1 rows"));
  write(csv(), csv_text + "9,nvme,m,,1.0,,\n");  // a row of somebody's after ours
  EXPECT_THAT(error_on_opening(), HasSubstr("4 rows"));
  write(jsonl(), jsonl_text.substr(second_line));
  write(csv(), csv_text + "x,nvme,m,,1.0,,\n");  // the same, and no record but the last is left
  EXPECT_THAT(error_on_opening(), HasSubstr("ends with run_id 3, which"));
  write(jsonl(), jsonl_text);
  ::unlink(csv().c_str());
  EXPECT_THAT(error_on_opening(), HasSubstr("is empty or was not there"));
  EXPECT_EQ(os::read_text(jsonl()), jsonl_text);
}

TEST_F(ResultsTest, RefusesAJsonLinesFileThatIsNone) {
  write(csv(), csv_header());
  write(jsonl(), "hello\n");
  EXPECT_THAT(error_on_opening(), HasSubstr("line 1: it is not JSON"));
}

TEST_F(ResultsTest, RefusesWhatIsNoFileAndNoDirectory) {
  ::mkfifo(csv().c_str(), 0600);
  EXPECT_THAT(error_on_opening(), HasSubstr("not a regular file"));
  write(folder_.path() + "/file", "");
  EXPECT_THROW(Results(folder_.path() + "/file"), os::Error);
  EXPECT_THROW(Results(folder_.path() + "/file/below"), os::Error);
}

TEST_F(ResultsTest, RefusesADirectoryThatCannotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ::chmod(folder_.path().c_str(), 0500);
  EXPECT_THAT(error_on_opening(), HasSubstr("Permission denied"));
  ::chmod(folder_.path().c_str(), 0700);
}

// A full disk, made of the limit on file sizes: a write is cut short, the next one fails.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST_F(ResultsTest, ARecordThatDoesNotFitLeavesBothFilesAsTheyWere) {
  Results results(folder_.path());
  Record first = trial();
  results.append(first);
  const std::string csv_before = os::read_text(csv());
  const std::string jsonl_before = os::read_text(jsonl());
  {
    const FileSizeLimit limit(jsonl_before.size() + 20);  // the record does not fit
    Record second = trial();
    EXPECT_THROW(results.append(second), os::Error);
    EXPECT_EQ(second.run_id, 0U);
  }
  EXPECT_EQ(os::read_text(jsonl()), jsonl_before);
  EXPECT_EQ(os::read_text(csv()), csv_before);
  Record second = trial();
  results.append(second);
  EXPECT_EQ(second.run_id, 2U);
}

TEST_F(ResultsTest, ARowThatDoesNotFitTakesItsRecordBack) {
  // A long row from elsewhere makes the CSV the larger file, so that only the row hits the limit.
  write(csv(), csv_header() + "1,nvme,m,,1.0,," + std::string(100'000, 'x') + "\n");
  Results results(folder_.path());
  const std::string csv_before = os::read_text(csv());
  {
    const FileSizeLimit limit(csv_before.size() + 20);
    Record record = trial();
    EXPECT_THROW(results.append(record), os::Error);
  }
  EXPECT_EQ(os::read_text(jsonl()), "");
  EXPECT_EQ(os::read_text(csv()), csv_before);
}

TEST_F(ResultsTest, SaysSoWhenTheFileWasReplacedMeanwhile) {
  Results results(folder_.path());
  os::replace_text(csv(), csv_header());
  Record record = trial();
  EXPECT_THROW(results.append(record), os::Error);
}

TEST_F(ResultsTest, TwoProcessesAtOnceNumberTheirRowsApart) {
  constexpr int k_each = 25;
  std::vector<pid_t> children;
  for (int child = 0; child < 2; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      try {
        append_some(k_each);
        ::_exit(0);
      } catch (...) {
        ::_exit(1);
      }
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::vector<std::string> expected;
  for (int id = 1; id <= 2 * k_each; ++id) expected.push_back(std::to_string(id));
  EXPECT_EQ(csv_ids(), expected);
  EXPECT_EQ(jsonl_ids(), expected);
}

}  // namespace
}  // namespace coldload::records
