#include "records/text_pool.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::records {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TextPool, HoldsEqualTextsOnceAndOthersApart) {
  TextPool pool;
  const std::string_view first = pool.share("nvme");
  EXPECT_EQ(pool.share(std::string("nvme")).data(), first.data());
  EXPECT_EQ(pool.share("nvm"), "nvm");
  EXPECT_NE(pool.share("nvm").data(), first.data());
  EXPECT_THAT(pool.share(""), IsEmpty());
  EXPECT_NE(pool.keep("nvme").data(), first.data());
}

TEST(TextPool, LeavesWhatItReturnedWhereItIs) {
  TextPool pool;
  const Texts words = pool.share(std::vector<std::string>{"vllm", "serve", ""});
  for (int i = 0; i < 10'000; ++i) (void)pool.share(fmt::format("text {}", i));
  EXPECT_THAT(words, ElementsAre("vllm", "serve", ""));
  EXPECT_EQ(pool.share(std::vector<std::string>{"vllm", "serve", ""}).data(), words.data());
  EXPECT_NE(pool.share(std::vector<std::string>{"vllm", "serve"}).data(), words.data());
}

TEST(TextPool, ListsOfWhateverSizeOfTextsAreAligned) {
  TextPool pool;
  (void)pool.keep("abc");
  const std::array<double, 2> numbers{1.5, 2.5};
  const auto kept = pool.keep(std::span<const double>(numbers));
  EXPECT_THAT(kept, ElementsAre(1.5, 2.5));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(kept.data()) % alignof(double), 0U);
}

}  // namespace
}  // namespace coldload::records
