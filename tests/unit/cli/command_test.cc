#include "cli/command.h"

#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::cli {
namespace {

using ::testing::HasSubstr;

struct Flags {
  CLI::App app{"does a thing", "coldload thing"};
  int runs = 5;
  std::string path;
  bool json = false;

  Flags() {
    app.add_option("-r,--runs", runs, "how many");
    app.add_flag("--json", json, "for scripts");
    app.add_option("PATH", path, "where")->required();
  }
};

std::string usage_error(const std::vector<std::string>& args) {
  Flags flags;
  try {
    static_cast<void>(parse(flags.app, args));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Commands, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_NE(command.run, nullptr);
  }
}

TEST(Parse, TakesWordsInTheirOrder) {
  Flags flags;
  EXPECT_TRUE(parse(flags.app, {"--runs", "3", "--json", "/a b"}));
  EXPECT_EQ(flags.runs, 3);
  EXPECT_TRUE(flags.json);
  EXPECT_EQ(flags.path, "/a b");
}

TEST(Parse, HelpIsPrintedAndIsNoError) {
  Flags flags;
  ::testing::internal::CaptureStdout();
  EXPECT_FALSE(parse(flags.app, {"--help"}));
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("--runs"));
}

TEST(Parse, AnUnknownFlagComesWithTheNearestKnown) {
  EXPECT_EQ(usage_error({"/a", "--rums=3"}), "unknown flag --rums; did you mean --runs?");
  EXPECT_EQ(usage_error({"/a", "--completely-different"}), "unknown flag --completely-different");
}

TEST(Parse, AMissingOrWrongValueIsUsage) {
  EXPECT_THAT(usage_error({}), HasSubstr("PATH"));
  EXPECT_THAT(usage_error({"/a", "--runs", "many"}), HasSubstr("--runs"));
  EXPECT_NE(usage_error({"/a", "/b"}), "no error");
}

TEST(AsUsage, AShortageIsNobodysWrongUse) {
  const auto refused = [](int error_number) {
    return [error_number] { throw os::SystemError("open", "/a", error_number); };
  };
  EXPECT_THROW(as_usage(refused(EACCES)), UsageError);
  EXPECT_THROW(as_usage(refused(EMFILE)), os::SystemError);
}

}  // namespace
}  // namespace coldload::cli
