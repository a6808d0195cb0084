#include "records/baseline.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"
#include "unit/temporary_directory.h"

namespace coldload::records {
namespace {

class Baseline : public testing::Test {
 protected:
  std::string file(const std::string& text) const {
    const std::string path = folder_.path() + "/baseline.csv";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string error_of(const std::string& text) const {
    try {
      static_cast<void>(read_baseline_csv(file(text)));
    } catch (const os::Error& error) {
      return error.what();
    }
    return "";
  }
  TemporaryDirectory folder_{"coldload-baseline"};
};

TEST_F(Baseline, TakesTheRowsThatCarryATime) {
  const auto figures = read_baseline_csv(
      file("\xEF\xBB\xBFrun_id,storage_mode,load_s\r\n1,nvme,12.5\r\n2,net,\r\n3,nvme,13\r\n"));
  ASSERT_EQ(figures.size(), 2U);
  EXPECT_EQ(figures[0].storage_mode, "nvme");
  EXPECT_EQ(figures[0].load_s, 12.5);
  EXPECT_EQ(figures[1].load_s, 13);
}

TEST_F(Baseline, NeedsNoStorageMode) {
  EXPECT_EQ(read_baseline_csv(file("load_s\n4\n")).at(0).storage_mode, "");
}

TEST_F(Baseline, SaysWhatIsWrong) {
  EXPECT_THAT(error_of(""), testing::HasSubstr("is empty"));
  EXPECT_THAT(error_of("a,b\n1,2\n"), testing::HasSubstr("no column load_s"));
  EXPECT_THAT(error_of("load_s\n1\nfast\n"), testing::HasSubstr("line 3: load_s is \"fast\""));
  EXPECT_THAT(error_of("load_s\n-1\n"), testing::HasSubstr("line 2"));
  EXPECT_THAT(error_of("load_s\nnan\n"), testing::HasSubstr("line 2"));
}

}  // namespace
}  // namespace coldload::records
