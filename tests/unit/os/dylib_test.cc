#include "os/dylib.h"

#include <string>

#include <gtest/gtest.h>

#include "os/error.h"

namespace coldload::os {
namespace {

TEST(Dylib, SaysWhyALibraryIsAbsent) {
  const Dylib library("libno-such-library.so.1");
  EXPECT_FALSE(library.availability().ok);
  EXPECT_NE(library.availability().reason.find("libno-such-library.so.1"), std::string::npos);
}

TEST(Dylib, GivesSymbolsAndNamesTheMissing) {
  const Dylib library("libc.so.6");
  ASSERT_TRUE(library.availability().ok) << library.availability().reason;
  EXPECT_NE(library.symbol("getpid").address, nullptr);
  try {
    static_cast<void>(library.symbol("no_such_symbol"));
    FAIL() << "found";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no_such_symbol"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("libc.so.6"), std::string::npos);
  }
}

}  // namespace
}  // namespace coldload::os
