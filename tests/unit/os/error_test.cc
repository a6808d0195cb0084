#include "os/error.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace coldload::os {
namespace {

TEST(SystemError, NamesOperationObjectAndCause) {
  const SystemError error("open", "/a/b", EACCES);
  EXPECT_EQ(std::string(error.what()), "cannot open /a/b: Permission denied");
  EXPECT_EQ(error.code(), EACCES);
}

TEST(SystemError, NeedsNoPath) {
  EXPECT_EQ(std::string(SystemError("create a pipe", "", EMFILE).what()),
            "cannot create a pipe: Too many open files");
}

}  // namespace
}  // namespace coldload::os
