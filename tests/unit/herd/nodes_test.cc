#include "herd/nodes.h"

#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "herd/message.h"

namespace coldload::herd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string name_of(int rank) { return fmt::format("rank {}", rank); }

std::vector<NodeFacts> equal_nodes(std::size_t count) {
  std::vector<NodeFacts> nodes(count);
  for (std::size_t i = 0; i < count; ++i) {
    nodes[i] = {"",
                fmt::format("node-{}", i),
                fmt::format("boot-{}", i),
                "0.2.0 (abc)",
                "6.1.0",
                "nfs4",
                "s:/m",
                "rw,vers=4.1",
                {"config.json (9 bytes)"},
                "4711",
                "40:12",
                {},
                "",
                0,
                "pid:[1]"};
  }
  return nodes;
}

TEST(NodeDifferences, EqualNodesMakeAHerd) {
  const NodeDifferences found = differences(equal_nodes(3), 1, name_of);
  EXPECT_EQ(found.refusal, "");
  EXPECT_THAT(found.remarks, IsEmpty());
}

TEST(NodeDifferences, CopiesToOnePlaceAreRefusedOnOneMachineOnly) {
  auto nodes = equal_nodes(2);
  nodes[0].copy = nodes[1].copy = "/local/M";
  EXPECT_EQ(differences(nodes, 1, name_of).refusal, "");
  nodes[1].boot = nodes[0].boot;
  nodes[1].first_weights = "41:12";
  EXPECT_THAT(differences(nodes, 1, name_of).refusal,
              HasSubstr("rank 0 and rank 1 would both copy to /local/M"));
}

TEST(NodeDifferences, RanksOfOneNodeAreInOneContainer) {
  auto nodes = equal_nodes(2);
  nodes[1].boot = nodes[0].boot;
  EXPECT_EQ(differences(nodes, 2, name_of).refusal, "");
  nodes[1].process_space = "pid:[2]";
  EXPECT_THAT(differences(nodes, 2, name_of).refusal,
              HasSubstr("rank 0 and rank 1 are on one node, in different containers"));
}

TEST(SharedGpus, AreThoseThatMoreThanOneNodeUses) {
  auto nodes = equal_nodes(4);
  EXPECT_THAT(shared_gpus(nodes), IsEmpty());
  nodes[0].gpus = {"GPU-c", "GPU-a"};
  nodes[1].gpus = {"GPU-b"};
  nodes[2].gpus = {"GPU-d", "GPU-a"};
  nodes[3].gpus = {"GPU-c"};
  EXPECT_THAT(shared_gpus(nodes), ElementsAre("GPU-a", "GPU-c"));
}

TEST(NodeDifferences, WhoCannotTakePartIsNamed) {
  auto nodes = equal_nodes(3);
  nodes[2] = {};
  nodes[2].problem = "cannot open /mnt/net: No such file or directory";
  EXPECT_THAT(differences(nodes, 1, name_of).refusal, HasSubstr("rank 2: cannot open /mnt/net"));
}

TEST(NodeDifferences, AnotherProgramMountOrCheckpointIsRefused) {
  const auto refusal_with = [](const auto& change) {
    auto nodes = equal_nodes(3);
    change(nodes[1]);
    return differences(nodes, 1, name_of).refusal;
  };
  EXPECT_THAT(
      refusal_with([](NodeFacts& node) { node.coldload = "0.1.0 (def)"; }),
      HasSubstr(
          "coldload's versions differ: 0.1.0 (def) on rank 1; 0.2.0 (abc) on rank 0, rank 2"));
  EXPECT_THAT(refusal_with([](NodeFacts& node) { node.fs_type = "ext4"; }),
              HasSubstr("the file systems differ: ext4 on rank 1"));
  EXPECT_THAT(refusal_with([](NodeFacts& node) { node.mount_source = "t:/m"; }),
              AllOf(HasSubstr("the mounts differ"), HasSubstr("t:/m on rank 1")));
  EXPECT_THAT(refusal_with([](NodeFacts& node) { node.files = {"config.json (10 bytes)"}; }),
              HasSubstr("config.json (9 bytes) on rank 0, config.json (10 bytes) on rank 1"));
  EXPECT_THAT(refusal_with([](NodeFacts& node) { node.files.clear(); }),
              HasSubstr("no further file on rank 1"));
  EXPECT_THAT(refusal_with([](NodeFacts& node) { node.tensors_hash = "4712"; }),
              HasSubstr("the checkpoints' tensors differ"));
}

TEST(NodeDifferences, RanksOfOnePageCacheAreRefused) {
  auto nodes = equal_nodes(3);
  nodes[2].boot = nodes[0].boot;
  EXPECT_THAT(differences(nodes, 1, name_of).refusal,
              AllOf(HasSubstr("rank 0 and rank 2 share a page cache"), HasSubstr("--per-node 2")));
  nodes[2].first_weights = "40:13";  // a file of its own
  EXPECT_EQ(differences(nodes, 1, name_of).refusal, "");
}

// Ranks on the machines of those numbers, which have the files with these names.
std::vector<NodeFacts> ranks_on(const std::vector<std::pair<int, std::string>>& machines) {
  auto ranks = equal_nodes(machines.size());
  for (std::size_t i = 0; i < machines.size(); ++i) {
    ranks[i].boot = fmt::format("boot-{}", machines[i].first);
    ranks[i].first_weights = machines[i].second;
  }
  return ranks;
}

TEST(HerdNodes, AreTheRanksThatShareAPageCache) {
  const std::vector<HerdNode> nodes =
      nodes_of(ranks_on({{1, "a"}, {2, "a"}, {1, "a"}, {2, "a"}, {1, "b"}}));
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_THAT(nodes[0].ranks, ElementsAre(0, 2));
  EXPECT_THAT(nodes[1].ranks, ElementsAre(1, 3));
  EXPECT_THAT(nodes[2].ranks, ElementsAre(4));
  EXPECT_EQ(nodes[2].number, 2U);
}

TEST(NodeDifferences, NodesOfSeveralServersHaveSoManyRanksEach) {
  const auto refusal = [](const auto& machines) {
    return differences(ranks_on(machines), 2, name_of).refusal;
  };
  using Machines = std::vector<std::pair<int, std::string>>;
  EXPECT_EQ(refusal(Machines{{1, "a"}, {2, "a"}, {1, "a"}, {2, "a"}}), "");
  const std::string uneven = refusal(Machines{{1, "a"}, {1, "a"}, {1, "a"}, {2, "a"}});
  EXPECT_THAT(uneven, HasSubstr("--per-node 2 needs 2 ranks on each node"));
  EXPECT_THAT(uneven, HasSubstr("rank 0, rank 1, rank 2 are 3 on one; rank 3 is alone on one"));
  EXPECT_THAT(uneven, HasSubstr("mpirun -n 4 --map-by ppr:2:node"));
  EXPECT_THAT(uneven, ::testing::Not(HasSubstr("files of their own")));
  EXPECT_THAT(refusal(Machines{{1, "a"}, {1, "b"}}),
              AllOf(HasSubstr("rank 0 is alone on one; rank 1 is alone on one"),
                    HasSubstr("on one machine and read files of their own")));
}

TEST(NodeDifferences, OfKernelAndMountOptionsAreSaid) {
  auto nodes = equal_nodes(2);
  nodes[1].kernel = "6.5.0";
  nodes[1].mount_options = "rw,vers=4.2";
  EXPECT_THAT(differences(nodes, 1, name_of).remarks,
              ElementsAre("the kernels differ: 6.1.0 on rank 0; 6.5.0 on rank 1",
                          HasSubstr("the mount options differ")));
}

TEST(Messages, ComeOverAsTheyAre) {
  const NodeFacts sent = equal_nodes(1).front();
  const auto came = from_message<NodeFacts>(to_message(sent));
  EXPECT_EQ(came.files, sent.files);
  EXPECT_EQ(came.first_weights, sent.first_weights);
  EXPECT_EQ(came.problem, "");
  EXPECT_THROW((void)from_message<NodeFacts>("{"), os::Error);
}

}  // namespace
}  // namespace coldload::herd
