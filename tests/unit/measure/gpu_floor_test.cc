#include "measure/gpu_floor.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/gpu/fake_cuda.h"

namespace coldload::measure {
namespace {

using testing::HasSubstr;

class GpuFloorOnAFake : public ::testing::Test {
 protected:
  void SetUp() override {
    gpu::clear_fake_cuda_environment();
    if (!gpu::load_fake_cuda()) GTEST_SKIP() << "the fake CUDA driver was not built";
  }
  void TearDown() override { gpu::clear_fake_cuda_environment(); }

  static records::GpuFloor measured(unsigned index = 0) {
    return measure_gpu_floor(index, os::Clock::now() + std::chrono::milliseconds(200));
  }
};

TEST_F(GpuFloorOnAFake, HasEveryFigure) {
  const records::GpuFloor floor = measured();
  EXPECT_EQ(floor.reason, "");
  EXPECT_EQ(floor.index, 0U);
  EXPECT_FALSE(floor.name.empty());
  EXPECT_TRUE(floor.context_s && floor.pin_bytes_per_s && floor.to_gpu_bytes_per_s());
  ASSERT_FALSE(floor.transfers.empty());
  const records::GpuTransfer& first = floor.transfers.front();
  EXPECT_FALSE(first.numa_node);
  EXPECT_GE(*first.to_gpu_best_bytes_per_s, *first.to_gpu_median_bytes_per_s);
  EXPECT_GE(*first.to_host_best_bytes_per_s, *first.to_host_median_bytes_per_s);
  records::Floor whole;
  whole.gpu = floor;
  EXPECT_EQ(records::to_json(records::floor_from_json(records::to_json(whole))),
            records::to_json(whole));
}

TEST_F(GpuFloorOnAFake, AGpuThatIsNotThereIsAReason) {
  const records::GpuFloor floor = measured(7);
  EXPECT_FALSE(floor.index);
  EXPECT_THAT(floor.reason, HasSubstr("there is no GPU 7"));
}

TEST_F(GpuFloorOnAFake, WhatFailsIsAReasonAndTheRestStays) {
  ::setenv("FAKE_CUDA", "pin-fails", 1);
  const records::GpuFloor floor = measured();
  EXPECT_TRUE(floor.context_s);
  EXPECT_FALSE(floor.pin_bytes_per_s);
  EXPECT_FALSE(floor.to_gpu_bytes_per_s());
  EXPECT_THAT(floor.reason, HasSubstr("cannot pin"));
}

TEST_F(GpuFloorOnAFake, AContextThatCannotBeCreatedIsAReason) {
  ::setenv("FAKE_CUDA", "context-fails", 1);
  const records::GpuFloor floor = measured();
  EXPECT_FALSE(floor.context_s);
  EXPECT_FALSE(floor.reason.empty());
}

}  // namespace
}  // namespace coldload::measure
