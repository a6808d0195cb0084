#include "herd/placeholders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::herd {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Placeholders, ALocalRankCountsTheRanksBeforeItOnItsMachine) {
  const std::vector<std::string> machines{"a", "b", "a", "a", "b"};
  EXPECT_EQ(local_rank_of(0, machines), 0);
  EXPECT_EQ(local_rank_of(1, machines), 0);
  EXPECT_EQ(local_rank_of(3, machines), 2);
  EXPECT_EQ(local_rank_of(4, machines), 1);
}

TEST(Placeholders, AreFilledInWhereARankIsToldApart) {
  cli::ExperimentRequest request = *cli::parse_experiment(
      cli::ExperimentCommand::herd,
      {"--path", "net=/m/{host}/{rank}", "--sizes", "1", "--env",
       "CUDA_VISIBLE_DEVICES={local_rank}", "--", "server", "{model}", "--port", "{port}", "--gpu",
       "{local_rank}", "--name={host}-{rank}{x}"});
  fill({5, 1, "node-{rank}"}, &request);
  EXPECT_EQ(request.plan.arms.front().path, "/m/node-{rank}/5");
  EXPECT_THAT(request.servers.front().environment, ElementsAre(Pair("CUDA_VISIBLE_DEVICES", "1")));
  EXPECT_THAT(request.servers.front().command.argv,
              ElementsAre("server", "{model}", "--port", "{port}", "--gpu", "1",
                          "--name=node-{rank}-5{x}"));
  EXPECT_THAT(request.plan.facts.command, ::testing::Contains("CUDA_VISIBLE_DEVICES={local_rank}"))
      << "on record it is the same for all ranks";
}

TEST(Placeholders, WhatIsAShellsOrATemplatesStays) {
  std::vector<std::string> words{"${host}", "{{rank}}", R"({"rank":1})", "{rank}{rank}", "{"};
  fill({5, 1, "n"}, &words);
  EXPECT_THAT(words, ElementsAre("${host}", "{{rank}}", R"({"rank":1})", "55", "{"));
}

}  // namespace
}  // namespace coldload::herd
