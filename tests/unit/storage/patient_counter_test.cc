#include "storage/patient_counter.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "unit/eventually.h"

namespace coldload::storage {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// Hangs, once it is told to, until it is released.
struct HangingCounter {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::atomic<bool> hangs{false};
  std::atomic<std::uint64_t> asked{0};

  std::optional<std::uint64_t> answer() {
    const std::uint64_t question = ++asked;
    if (hangs) released.wait();
    return question;
  }
};

TEST(PatientCounter, AnswersWhatTheCounterDoes) {
  std::optional<std::uint64_t> value = 7;
  const ByteCounter counter = patient_counter([&value] { return value; }, hours(1));
  EXPECT_EQ(counter(), 7U);
  value = 9;
  EXPECT_EQ(counter(), 9U);
  value.reset();
  EXPECT_EQ(counter(), std::nullopt);
}

TEST(PatientCounter, OneThatHangsIsAnswerlessUntilItAnswersAndIsNotAskedAgainMeanwhile) {
  const auto hanging = std::make_shared<HangingCounter>();
  const ByteCounter counter =
      patient_counter([hanging] { return hanging->answer(); }, milliseconds(500));
  // A busy machine may be late, too.
  ASSERT_TRUE(eventually([&] { return counter().has_value(); }));
  const std::uint64_t before = hanging->asked;
  hanging->hangs = true;
  EXPECT_EQ(counter(), std::nullopt);
  ASSERT_TRUE(eventually([&] { return hanging->asked == before + 1; }));
  EXPECT_EQ(counter(), std::nullopt);
  EXPECT_EQ(hanging->asked, before + 1);
  hanging->release.set_value();
  EXPECT_TRUE(eventually([&] { return counter().has_value(); }));
}

TEST(PatientCounter, OneThatHangsDoesNotHoldUpTheEnd) {
  const auto hanging = std::make_shared<HangingCounter>();
  {
    hanging->hangs = true;
    const ByteCounter counter =
        patient_counter([hanging] { return hanging->answer(); }, milliseconds(1));
    EXPECT_EQ(counter(), std::nullopt);
  }
  hanging->release.set_value();
}

}  // namespace
}  // namespace coldload::storage
