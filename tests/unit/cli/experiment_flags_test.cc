#include "cli/experiment_flags.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"

namespace coldload::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string help_of(ExperimentCommand command) {
  ::testing::internal::CaptureStdout();
  EXPECT_FALSE(parse_experiment(command, {"--help"}));
  return ::testing::internal::GetCapturedStdout();
}

TEST(ExperimentHelp, HasItsFlagsInGroupsInTheOrderInWhichAPersonNeedsThem) {
  for (const auto command :
       {ExperimentCommand::compare, ExperimentCommand::measure, ExperimentCommand::herd}) {
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

ExperimentRequest herd_of(std::vector<std::string> args) {
  args.insert(args.begin(), {"--path", "net=/m/{rank}"});
  return *parse_experiment(ExperimentCommand::herd, args);
}

TEST(HerdFlags, SizesAreEachOnceTheSmallestFirst) {
  EXPECT_THAT(herd_of({"--sizes", "4,1,16,4"}).sizes, ElementsAre(1U, 4U, 16U));
  for (const char* sizes : {"", "0", "1,", ",1", "1.5", "two", "1-4", "-1", "100001",
                            "99999999999999999999999", "1 2"}) {
    EXPECT_THROW((void)herd_of({"--sizes", sizes}), UsageError) << sizes;
  }
  EXPECT_THROW((void)herd_of({}), UsageError) << "there is no default";
}

TEST(HerdFlags, ServersOnEachNodeAreOneUnlessSaid) {
  EXPECT_EQ(herd_of({"--sizes", "2"}).per_node, 1U);
  EXPECT_EQ(herd_of({"--sizes", "2", "--per-node", "4"}).per_node, 4U);
  EXPECT_THROW((void)herd_of({"--sizes", "2", "--per-node", "0"}), UsageError);
  EXPECT_THROW((void)herd_of({"--sizes", "2", "--per-node", "2", "--stage", "net:/local"}),
               UsageError);
  EXPECT_EQ(herd_of({"--sizes", "2", "--stage", "net:/local"}).per_node, 1U);
}

TEST(HerdFlags, AllThatOtherNodesNeedIsInTheCommand) {
  const ExperimentRequest request = herd_of({"--sizes", "2", "--", "server", "{model}", "{port}"});
  const std::vector<std::string>& words = request.plan.facts.command;
  EXPECT_EQ(words.front(), "coldload-mpi");
  const ExperimentRequest again =
      *parse_experiment(ExperimentCommand::herd, {words.begin() + 1, words.end()});
  EXPECT_EQ(again.plan.seed, request.plan.seed);
  EXPECT_EQ(again.plan.count.runs, request.plan.count.runs);
  EXPECT_EQ(again.plan.out_directory, request.plan.out_directory);
  EXPECT_EQ(again.plan.starts.front().command, request.plan.starts.front().command);
  EXPECT_EQ(again.plan.facts.command, words);
}

TEST(HerdFlags, SayWhatAStartMayTakeAndWhatItCosts) {
  const ExperimentRequest request =
      herd_of({"--sizes", "2", "--budget", "user=30s", "--gpu-hour", "2.50"});
  EXPECT_EQ(request.plan.facts.budgets_s.at("user"), 30);
  EXPECT_EQ(request.plan.facts.gpu_hour_price, 2.5);
}

TEST(HerdFlags, WhatAHerdCannotMeasureIsRefused) {
  const ExperimentRequest request = herd_of({"--sizes", "2"});
  EXPECT_EQ(request.plan.warm_runs, 0U);
  EXPECT_FALSE(request.plan.floor) << "nodes that measure it at once would share it";
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--runs", "0"},
                                               {"--runs", "auto"},
                                               {"--path", "b=/n"},
                                               {"--stage", "elsewhere:/s"},
                                               {"--keep-staged"},
                                               {"--prefetch", "net"},
                                               {"--warm-runs", "1"},
                                               {"--stand-in", "net=1GB/s"}}) {
    std::vector<std::string> args{"--sizes", "2"};
    args.insert(args.end(), more.begin(), more.end());
    EXPECT_THROW((void)herd_of(args), UsageError) << more.front();
  }
}

}  // namespace
}  // namespace coldload::cli
