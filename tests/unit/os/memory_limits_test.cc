#include "os/memory_limits.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/error.h"
#include "os/mapping.h"

namespace coldload::os {
namespace {

constexpr rlim_t k_limit = rlim_t{1} << 40U;
constexpr const char* k_named = "1073741824 KiB of addresses (RLIMIT_AS, ulimit -v)";

// What `text` gives in a process of its own that may have k_limit bytes of addresses.
template <typename Text>
bool names_the_limit(Text text) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{k_limit, k_limit};
    ::setrlimit(RLIMIT_AS, &limit);
    std::_Exit(text().find(k_named) == std::string::npos ? 1 : 0);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

TEST(MemoryLimits, AreNothingWhereThereIsNone) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &limit), 0);
  if (limit.rlim_cur != RLIM_INFINITY) GTEST_SKIP() << "this process has one";
  EXPECT_EQ(memory_limits_text().find("RLIMIT_AS"), std::string::npos);
}

TEST(MemoryLimits, AreNamedWhereAMappingFails) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's own memory is beyond any such limit";
#endif
  EXPECT_TRUE(names_the_limit([] {
    try {
      (void)Mapping::anonymous(2 * k_limit);
    } catch (const SystemError& error) {
      return std::string(error.what());
    }
    return std::string();
  }));
  EXPECT_TRUE(names_the_limit([] { return std::string(SystemError("x", "y", ENOMEM).what()); }));
}

TEST(MemoryLimits, AreNamedWhereAnAllocationFails) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's operator new asks no handler";
#endif
  EXPECT_TRUE(names_the_limit([] {
    explain_failed_allocations();
    try {
      const std::vector<char> memory(2 * k_limit);
    } catch (const std::bad_alloc& error) {
      return std::string(error.what());
    }
    return std::string();
  }));
}

}  // namespace
}  // namespace coldload::os
