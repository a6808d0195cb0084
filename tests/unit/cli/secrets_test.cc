#include "cli/secrets.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace coldload::cli {
namespace {

TEST(Secrets, AreThoseOfTheCommandLineAndOfOurEnvironment) {
  ::setenv("COLDLOAD_TEST_TOKEN", "tok-of-the-environment", 1);
  const text::Redactor secrets = secrets_of({"measure", "--", "serve", "--api-key", "s3cr3t-key"});
  ::unsetenv("COLDLOAD_TEST_TOKEN");
  EXPECT_EQ(secrets.apply("s3cr3t-key and tok-of-the-environment"), "[redacted] and [redacted]");
}

}  // namespace
}  // namespace coldload::cli
