#include "streams/chunk_queue.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/proc.h"
#include "unit/eventually.h"

namespace coldload::streams {
namespace {

using Step = ChunkQueue::Step;

// A queue that nothing has arrived from gives one chunk of a file at once.
TEST(ChunkQueue, GivesSeveralFilesAndOneChunkOfEach) {
  ChunkQueue queue({3, 1, 3}, {4});
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
  ChunkQueue queue({3}, {4});
  const Step first = *queue.next();
  queue.uncount(first);
  EXPECT_EQ(queue.next()->chunk, 1U);
  EXPECT_FALSE(queue.is_one_too_many(first));
}

TEST(ChunkQueue, WhatIsGivenBackComesNext) {
  ChunkQueue queue({3}, {4});
  const Step first = *queue.next();
  queue.give_back(first);
  EXPECT_EQ(queue.next()->chunk, 0U);
}

// What next() gives to a thread that sleeps there when `then` is called.
std::optional<Step> next_after_a_wait(ChunkQueue* queue, const std::function<void()>& then) {
  std::atomic<pid_t> id = 0;
  std::optional<Step> step;
  std::thread waits([&] {
    id = ::gettid();
    step = queue->next();
  });
  EXPECT_TRUE(eventually([&] {
    const auto thread = os::process_info(id);
    return thread && thread->state == 'S';
  }));
  then();
  waits.join();
  return step;
}

TEST(ChunkQueue, WaitsForWhatMayBeGivenBackAndEndsWithTheLast) {
  ChunkQueue queue({1}, {4});
  const Step only = *queue.next();
  const auto other = next_after_a_wait(&queue, [&] { queue.give_back(only); });
  ASSERT_TRUE(other);
  queue.done(*other);
  EXPECT_FALSE(queue.next());
}

TEST(ChunkQueue, AStopEndsEveryWait) {
  ChunkQueue queue({2}, {4});
  (void)queue.next();
  EXPECT_FALSE(next_after_a_wait(&queue, [&] { queue.stop(); }));
}

// Where the mount likes many, as nothing is tried.
TEST(ChunkQueue, TheFirstFileComesFirstWhereItMayBeReadInManyPlaces) {
  ChunkQueue queue({3, 3}, {4, false});
  for (const std::size_t chunk : {0U, 1U, 2U}) {
    const Step step = *queue.next();
    EXPECT_EQ(step.file, 0U);
    EXPECT_EQ(step.chunk, chunk);
  }
  EXPECT_EQ(queue.next()->file, 1U);
}

constexpr std::chrono::milliseconds k_longer_than_a_trial{110};

// Four threads and as many files: nobody waits, and yet the first file is not read as it might be.
TEST(ChunkQueue, MorePlacesAreTriedWhereTheFirstFileIsWantedFirst) {
  for (const bool first_file_first : {false, true}) {
    ChunkQueue queue({100, 100, 100, 100}, {4, true, first_file_first});
    std::vector<Step> steps;
    for (int i = 0; i < 4; ++i) steps.push_back(*queue.next());
    queue.arrived(1);
    std::this_thread::sleep_for(k_longer_than_a_trial);
    queue.arrived(std::uint64_t{64} << 20);
    EXPECT_EQ(queue.streams(), first_file_first ? 2U : 1U);
  }
}

TEST(ChunkQueue, WhereMorePlacesBringLessTheLastOfTheFileIsOneTooMany) {
  ChunkQueue queue({100, 100}, {4, true, true});
  const Step first = *queue.next();
  const Step elsewhere = *queue.next();
  queue.arrived(1);
  std::this_thread::sleep_for(k_longer_than_a_trial);
  queue.arrived(std::uint64_t{1} << 40);  // far more than the next, however long this slept
  const Step second = *queue.next();
  ASSERT_EQ(second.file, first.file);
  EXPECT_FALSE(queue.is_one_too_many(second));
  std::this_thread::sleep_for(k_longer_than_a_trial);
  queue.arrived(std::uint64_t{8} << 20);
  EXPECT_TRUE(queue.is_one_too_many(second));
  EXPECT_FALSE(queue.is_one_too_many(first));
  EXPECT_FALSE(queue.is_one_too_many(elsewhere));
  queue.give_back(second);
  EXPECT_FALSE(queue.is_one_too_many(second));
}

}  // namespace
}  // namespace coldload::streams
