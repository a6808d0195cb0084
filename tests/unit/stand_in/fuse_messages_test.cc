#include "stand_in/fuse_messages.h"

#include <string>

#include <fuse_log.h>
#include <gtest/gtest.h>

#include "os/crew.h"

namespace coldload::stand_in {
namespace {

TEST(FuseMessages, TheLastOneIsKeptWithoutItsLineFeed) {
  keep_fuse_messages();
  EXPECT_EQ(last_fuse_message(), "");
  fuse_log(FUSE_LOG_ERR, "fuse: %s\n", "first");
  fuse_log(FUSE_LOG_ERR, "fuse: %s: %d\n\n", "second", 2);
  fuse_log(FUSE_LOG_ERR, "\n");
  EXPECT_EQ(last_fuse_message(), "fuse: second: 2");
  keep_fuse_messages();
  EXPECT_EQ(last_fuse_message(), "");
}

// Each receiver of requests complains by itself when a connection breaks.
TEST(FuseMessages, ManyThreadsSayThemAtOnceAndEachStaysWhole) {
  keep_fuse_messages();
  os::Crew crew(4, [](unsigned number) {
    for (std::size_t i = 0; i < 200'000; ++i) {
      const std::string text(50 + i % 400, static_cast<char>('a' + number));
      fuse_log(FUSE_LOG_ERR, "%s\n", text.c_str());
    }
  });
  std::size_t torn = 0;
  while (!crew.wait_until(os::Clock::now())) {
    const std::string seen = last_fuse_message();
    if (seen.find_first_not_of(seen.empty() ? 'a' : seen[0]) != std::string::npos) ++torn;
  }
  EXPECT_EQ(torn, 0U);
}

}  // namespace
}  // namespace coldload::stand_in
