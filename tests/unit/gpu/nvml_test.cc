#include "gpu/nvml.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "gpu/host_memory.h"
#include "unit/gpu/fake_nvml.h"

namespace coldload::gpu {
namespace {

class TwoGpus : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(load_fake_nvml()); }
  void TearDown() override { ::unsetenv("FAKE_NVML"); }
};

TEST_F(TwoGpus, AddUpTheirMemory) {
  const Nvml nvml;
  ASSERT_TRUE(nvml.availability().ok) << nvml.availability().reason;
  ASSERT_EQ(nvml.devices().size(), 2U);
  EXPECT_EQ(nvml.devices()[1].uuid, "GPU-1");
  EXPECT_EQ(nvml.used_mib(), 500.0);
  EXPECT_EQ(nvml.used_mib_by({::getpid()}), 150.0);
  EXPECT_FALSE(nvml.used_mib_by({1}));
}

TEST_F(TwoGpus, WhoseMemoryNvmlDoesNotTellWorkInTheMachines) {
  EXPECT_EQ(Nvml().gpus_have_own_memory(), true);
  EXPECT_FALSE(gpu_works_in_host_memory());
  ::setenv("FAKE_NVML", "integrated", 1);
  EXPECT_EQ(Nvml().gpus_have_own_memory(), false);
  EXPECT_TRUE(gpu_works_in_host_memory());
}

TEST_F(TwoGpus, AreAsBusyAsTheBusiest) { EXPECT_EQ(Nvml().utilization_percent(), 70.0); }

TEST_F(TwoGpus, AddUpWhatTheyReceive) { EXPECT_EQ(Nvml().pcie_rx_bytes_per_s(), 5e6); }

TEST_F(TwoGpus, ThatDoNotTellAreUnknown) {
  ::setenv("FAKE_NVML", "silent", 1);
  const Nvml nvml;
  EXPECT_FALSE(nvml.utilization_percent());
  EXPECT_FALSE(nvml.pcie_rx_bytes_per_s());
  EXPECT_EQ(nvml.used_mib(), 500.0);
}

}  // namespace
}  // namespace coldload::gpu
