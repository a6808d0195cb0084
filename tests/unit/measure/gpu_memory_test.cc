#include "measure/gpu_memory.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::measure {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
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

TEST(GpuMemoryOf, ATargetIsNotThatOfAllWhereOthersStartOnTheSameGpus) {
  const GpuMemory told = gpu_memory_of(150, 700, 500, GpusServe::several_at_once);
  EXPECT_EQ(told.used_mib, 150);
  const GpuMemory not_told = gpu_memory_of(std::nullopt, 700, 500, GpusServe::several_at_once);
  EXPECT_EQ(not_told.used_mib, std::nullopt);
  EXPECT_THAT(not_told.source, HasSubstr("other servers may have used the same GPUs"));
}

constexpr GpuReleaseLimits k_quick{64, milliseconds(50), milliseconds(1)};

// Answers one after the other; the last one stays.
class Memory {
 public:
  explicit Memory(std::vector<double> used_mib) : used_mib_(std::move(used_mib)) {}
  std::optional<double> operator()() {
    const double used = used_mib_[std::min(asked_, used_mib_.size() - 1)];
    ++asked_;
    return used;
  }

 private:
  std::vector<double> used_mib_;
  std::size_t asked_ = 0;
};

TEST(GpuMemoryStillUsed, IsNothingOnceItIsBackNearTheBaseline) {
  EXPECT_FALSE(gpu_memory_still_used(Memory({500}), 500, k_quick));
  EXPECT_FALSE(gpu_memory_still_used(Memory({564}), 500, k_quick));
  EXPECT_FALSE(gpu_memory_still_used(Memory({400}), 500, k_quick));
  const GpuReleaseLimits patient{64, seconds(10), milliseconds(1)};
  EXPECT_FALSE(gpu_memory_still_used(Memory({66000, 66000, 30000, 510}), 500, patient));
}

TEST(GpuMemoryStillUsed, IsAReasonWithBothAmountsWhereItStays) {
  const auto reason = gpu_memory_still_used(Memory({66190}), 500, k_quick);
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason,
              AllOf(HasSubstr("66190 MiB"), HasSubstr("500 MiB"), HasSubstr("nvidia-smi")));
  EXPECT_TRUE(gpu_memory_still_used(Memory({565}), 500, k_quick));
}

TEST(GpuMemoryStillUsed, IsNothingWhereItWasNotKnownBefore) {
  EXPECT_FALSE(gpu_memory_still_used(Memory({66190}), std::nullopt, k_quick));
}

TEST(GpuMemoryStillUsed, IsAskedAgainWhereItIsNotToldAtOnce) {
  int asked = 0;
  const auto after_a_while = [&]() -> std::optional<double> {
    ++asked;
    return asked < 3 ? std::nullopt : std::optional<double>(asked < 5 ? 66190 : 500);
  };
  EXPECT_FALSE(gpu_memory_still_used(after_a_while, 500, {64, seconds(10), milliseconds(1)}));
  EXPECT_EQ(asked, 5);
}

TEST(GpuMemoryStillUsed, IsAReasonWhereItIsNoLongerTold) {
  const auto reason = gpu_memory_still_used([] { return std::optional<double>(); }, 500, k_quick);
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, HasSubstr("not known"));
}

}  // namespace
}  // namespace coldload::measure
