#include "cli/what_if_flag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"

namespace coldload::cli {
namespace {

using ::testing::Optional;

TEST(WhatIfFlag, AsksForARateOrForNodes) {
  EXPECT_FALSE(parse_what_if(""));
  EXPECT_THAT(parse_what_if("rate=5GB/s")->rate_bytes_per_s, Optional(5e9));
  const auto nodes = parse_what_if("nodes=64,server=10GB/s");
  EXPECT_THAT(nodes->nodes, Optional(64U));
  EXPECT_THAT(nodes->server_bytes_per_s, Optional(10e9));
  EXPECT_FALSE(nodes->rate_bytes_per_s);
  EXPECT_FALSE(parse_what_if("nodes=64")->server_bytes_per_s);
}

TEST(WhatIfFlag, RefusesWhatIsNoQuestion) {
  for (const char* text : {"5GB/s", "rate=fast", "rate=5GB/s,nodes=4", "nodes=0", "nodes=4.5",
                           "nodes=-1", "nodes=", "server=10GB/s", "nodes=4,nodes=5", "nodes=4,",
                           "rate=1GB/s,server=1GB/s", "nodes=99999999999999999999", "racks=4"}) {
    EXPECT_THROW((void)parse_what_if(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace coldload::cli
