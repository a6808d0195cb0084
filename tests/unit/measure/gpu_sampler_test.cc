#include "measure/gpu_sampler.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "unit/gpu/fake_nvml.h"

namespace coldload::measure {
namespace {

class GpuSamples : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(gpu::load_fake_nvml()); }
  void TearDown() override { ::unsetenv("FAKE_NVML"); }

  // The first reading that holds something.
  static records::GpuReading first_reading(GpuSampler* sampler, const std::vector<pid_t>& pids) {
    for (int i = 0; i < 3000; ++i) {
      const records::GpuReading reading = sampler->take(pids);
      if (reading.memory_mib) return reading;
      ::usleep(10'000);
    }
    return {};
  }
};

TEST_F(GpuSamples, HoldTheTreesMemoryWhereTheDriverKnowsItsProcesses) {
  const gpu::Nvml nvml;
  GpuSampler sampler(nvml, 120.0);
  // The first look may come before the processes are told.
  records::GpuReading reading = first_reading(&sampler, {::getpid()});
  for (int i = 0; i < 3000 && reading.memory_mib != 150.0; ++i) {
    reading = first_reading(&sampler, {::getpid()});
  }
  EXPECT_EQ(reading.memory_mib, 150.0);
  EXPECT_EQ(reading.utilization_percent, 70.0);
}

TEST_F(GpuSamples, FallBackToWhatIsInUseBeyondTheBaseline) {
  const gpu::Nvml nvml;
  GpuSampler sampler(nvml, 120.0);
  EXPECT_EQ(first_reading(&sampler, {1}).memory_mib, 380.0);
}

TEST_F(GpuSamples, WhatTheDriverDoesNotTellIsUnknown) {
  ::setenv("FAKE_NVML", "silent", 1);
  const gpu::Nvml nvml;
  GpuSampler sampler(nvml, 120.0);
  const records::GpuReading reading = first_reading(&sampler, {1});
  EXPECT_TRUE(reading.memory_mib);
  EXPECT_FALSE(reading.utilization_percent);
  EXPECT_FALSE(reading.pcie_rx_bytes_per_s);
}

TEST_F(GpuSamples, AFigureIsTakenOnce) {
  const gpu::Nvml nvml;
  GpuSampler sampler(nvml, 600.0);  // less is in use than before: unknown, not negative
  for (int i = 0; i < 3000; ++i) {
    const records::GpuReading reading = sampler.take({1});
    EXPECT_FALSE(reading.memory_mib);
    if (reading.utilization_percent) break;
    ::usleep(10'000);
  }
  EXPECT_FALSE(sampler.take({1}).utilization_percent && sampler.take({1}).utilization_percent);
}

}  // namespace
}  // namespace coldload::measure
