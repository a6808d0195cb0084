#include "stage/chunk_queue.h"

#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace coldload::stage {
namespace {

using Step = ChunkQueue::Step;

// A queue that nothing has arrived from gives one chunk of a file at once.
TEST(ChunkQueue, GivesSeveralFilesAndOneChunkOfEach) {
  ChunkQueue queue({3, 1, 3}, 4);
  const Step a = *queue.next();
  const Step b = *queue.next();
  const Step c = *queue.next();
  EXPECT_EQ(a.file, 0U);
  EXPECT_EQ(b.file, 1U);
  EXPECT_EQ(c.file, 2U);
  queue.done(b);
  queue.done(a);
  const Step d = *queue.next();
  EXPECT_EQ(d.file, 0U);
  EXPECT_EQ(d.chunk, 1U);
}

TEST(ChunkQueue, WhatDoesNotComeOverTheMountKeepsNobodyWaiting) {
  ChunkQueue queue({3}, 4);
  const Step first = *queue.next();
  queue.uncount(first);
  EXPECT_EQ(queue.next()->chunk, 1U);
  EXPECT_FALSE(queue.is_one_too_many(first));
}

TEST(ChunkQueue, WhatIsGivenBackComesNext) {
  ChunkQueue queue({3}, 4);
  const Step first = *queue.next();
  queue.give_back(first);
  EXPECT_EQ(queue.next()->chunk, 0U);
}

TEST(ChunkQueue, WaitsForWhatMayBeGivenBackAndEndsWithTheLast) {
  ChunkQueue queue({1}, 4);
  const Step only = *queue.next();
  std::optional<Step> other;
  std::thread waits([&] { other = queue.next(); });
  queue.give_back(only);
  waits.join();
  ASSERT_TRUE(other);
  queue.done(*other);
  EXPECT_FALSE(queue.next());
}

TEST(ChunkQueue, AStopEndsEveryWait) {
  ChunkQueue queue({2}, 4);
  (void)queue.next();
  std::optional<Step> other = Step{};
  std::thread waits([&] { other = queue.next(); });
  queue.stop();
  waits.join();
  EXPECT_FALSE(other);
}

}  // namespace
}  // namespace coldload::stage
