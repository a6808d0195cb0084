#include "cli/experiment_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"

namespace coldload::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string help_of(ExperimentCommand command) {
  ::testing::internal::CaptureStdout();
  EXPECT_FALSE(parse_experiment(command, {"--help"}));
  return ::testing::internal::GetCapturedStdout();
}

TEST(ExperimentHelp, HasItsFlagsInGroupsInTheOrderInWhichAPersonNeedsThem) {
  for (const auto command : {ExperimentCommand::compare, ExperimentCommand::measure}) {
    const std::string help = help_of(command);
    std::size_t at = 0;
    for (const char* group :
         {"What to measure:", "The server:", "How often:", "Cold:", "Around the runs:",
          "The report:", "The native loader:", "How it talks:"}) {
      const std::size_t found = help.find(group, at);
      ASSERT_NE(found, std::string::npos) << group;
      at = found;
    }
    EXPECT_THAT(help, Not(HasSubstr("\nOptions:")));
  }
}

TEST(ExperimentHelp, OfOnePathHasNoFlagThatIsRefusedThere) {
  const std::string help = help_of(ExperimentCommand::measure);
  for (const char* flag :
       {"--path", "--stage", "--precision", "--max-runs", "--max-time", "auto"}) {
    EXPECT_THAT(help, Not(HasSubstr(flag)));
  }
  EXPECT_THROW((void)parse_experiment(ExperimentCommand::measure, {"/m", "--runs", "auto"}),
               UsageError);
}

}  // namespace
}  // namespace coldload::cli
