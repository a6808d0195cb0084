#include "os/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "os/clock.h"
#include "os/subprocess.h"

namespace coldload::os {
namespace {

TEST(DescriptorLimit, IsRaisedForUsAndAsItWasForWhatWeStart) {
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  if (usual.rlim_max <= 200) GTEST_SKIP() << "the hard limit is low";
  const rlimit few{200, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  raise_descriptor_limit();
  EXPECT_EQ(descriptor_limit(), usual.rlim_max);
  SpawnOptions options;
  options.argv = {"sh", "-c", "test $(ulimit -Sn) = 200"};
  Subprocess child(options);
  const auto status = child.wait_until(Clock::now() + std::chrono::seconds(10));
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->success());
}

}  // namespace
}  // namespace coldload::os
