#include "os/held_directory.h"

#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/child_answer.h"
#include "os/error.h"
#include "unit/temporary_directory.h"

namespace coldload::os {
namespace {

class Held : public ::testing::Test {
 protected:
  const TemporaryDirectory scratch_{"coldload-held"};
  const std::string prefix_ = scratch_.path() + "/of-";
};

TEST_F(Held, OneThatLivesIsNotAbandoned) {
  const Fd first = make_held_directory(prefix_);
  const Fd second = make_held_directory(prefix_);
  EXPECT_NE(first.path(), second.path());
  EXPECT_TRUE(abandoned_directories(prefix_).empty());
}

TEST_F(Held, WhatADeadProcessLeftIsFoundOnce) {
  EXPECT_THROW((void)answer_of_child(
                   [this]() -> std::string {
                     const Fd held = make_held_directory(prefix_);
                     ::raise(SIGKILL);
                     return "";
                   },
                   Clock::now() + std::chrono::minutes(1)),
               Error);
  std::filesystem::create_directory_symlink("/tmp", prefix_ + "a-link");
  const auto abandoned = abandoned_directories(prefix_);
  ASSERT_EQ(abandoned.size(), 1U);
  EXPECT_TRUE(abandoned_directories(prefix_).empty());
}

TEST_F(Held, OneOfTwoThatLiveInItIsEnough) {
  Fd maker = make_held_directory(prefix_);
  const std::string path = maker.path();
  const Fd other = hold_directory(path);
  ASSERT_TRUE(other.valid());
  maker.reset();
  EXPECT_TRUE(abandoned_directories(prefix_).empty());
}

}  // namespace
}  // namespace coldload::os
