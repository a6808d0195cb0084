#include "measure/gpu_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using ::testing::HasSubstr;

TEST(GpuMemoryOf, ATargetIsTheSumOverItsProcessesWhereThatIsTold) {
  const GpuMemory memory = gpu_memory_of(150, 700, 500);
  EXPECT_EQ(memory.used_mib, 150);
  EXPECT_THAT(memory.source, HasSubstr("processes"));
}

TEST(GpuMemoryOf, ATargetIsElseWhatIsUsedMoreThanBefore) {
  const GpuMemory memory = gpu_memory_of(std::nullopt, 700, 500);
  EXPECT_EQ(memory.used_mib, 200);
  EXPECT_THAT(memory.source, HasSubstr("minus"));
  EXPECT_EQ(gpu_memory_of(std::nullopt, 510, 500).used_mib, std::nullopt);
  EXPECT_EQ(gpu_memory_of(std::nullopt, 510, 500).source, "the target uses no GPU memory");
}

TEST(GpuMemoryOf, ATargetIsNotSaidToBeNothingWhereItIsNotKnown) {
  EXPECT_EQ(gpu_memory_of(std::nullopt, std::nullopt, 500).used_mib, std::nullopt);
  EXPECT_EQ(gpu_memory_of(std::nullopt, std::nullopt, 500).source,
            "NVML does not tell the memory in use");
  EXPECT_EQ(gpu_memory_of(std::nullopt, 700, std::nullopt).used_mib, std::nullopt);
  EXPECT_THAT(gpu_memory_of(std::nullopt, 700, std::nullopt).source,
              HasSubstr("before the launch"));
}

}  // namespace
}  // namespace coldload::measure
