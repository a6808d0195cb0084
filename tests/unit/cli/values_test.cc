#include "cli/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/help_text.h"

namespace coldload::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Values {
  CLI::App app{"does a thing", "coldload thing"};
  std::uint64_t size = 7;
  std::optional<double> rate;
  std::chrono::nanoseconds time = seconds(9);
  std::optional<load::Pacing> pacing;

  Values() {
    add_size(&app, "--ring", &size, "memory");
    add_parsed(&app, "--limit", &rate, text::parse_rate, "a rate", "no faster");
    add_time(&app, "--timeout", &time, "longest wait")->default_str("9s");
    add_pacing(&app, &pacing, "held to");
  }
};

TEST(Values, AreReadAsPeopleWriteThem) {
  Values values;
  EXPECT_TRUE(parse(values.app, {"--ring", "128MiB", "--limit", "250MB/s", "--timeout", "10m",
                                 "--pace", "1GB/s,2ms"}));
  EXPECT_EQ(values.size, 128U << 20);
  EXPECT_EQ(values.rate, 250e6);
  EXPECT_EQ(values.time, std::chrono::minutes(10));
  EXPECT_EQ(values.pacing->rate_bytes_per_s, 1e9);
  EXPECT_EQ(values.pacing->latency, milliseconds(2));
}

TEST(Values, ThatAreNotGivenStayAsTheyAre) {
  Values values;
  EXPECT_TRUE(parse(values.app, {}));
  EXPECT_EQ(values.size, 7U);
  EXPECT_EQ(values.rate, std::nullopt);
  EXPECT_EQ(values.time, seconds(9));
  EXPECT_THAT(help_text(values.app),
              AllOf(HasSubstr("--timeout TIME"), HasSubstr("longest wait (default: 9s)")));
}

TEST(Values, ThatDoNotReadAsOneNameFlagAndText) {
  for (const auto& [flag, text] :
       {std::pair("--ring", "lots"), std::pair("--ring", "0"), std::pair("--ring", ""),
        std::pair("--limit", "fast"), std::pair("--limit", "0MB/s"), std::pair("--timeout", "soon"),
        std::pair("--timeout", "0"), std::pair("--pace", "fast"), std::pair("--pace", "1GB/s,soon"),
        std::pair("--pace", "1GB/s,")}) {
    Values values;
    try {
      static_cast<void>(parse(values.app, {flag, text}));
      ADD_FAILURE() << flag << " takes " << text;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("{} {}: not a ", flag, text)));
    }
  }
}

TEST(Values, ThatCannotBeReadNameFlagAndText) {
  CLI::App app{"does a thing", "coldload thing"};
  std::optional<std::uint64_t> size = 7;
  add_read(&app, "--room", &size, text::parse_size, "a size", "memory");
  EXPECT_TRUE(parse(app, {"--room", ""}));
  EXPECT_EQ(size, 7U);
  EXPECT_TRUE(parse(app, {"--room", "1MiB"}));
  EXPECT_EQ(size, 1U << 20);
  try {
    static_cast<void>(parse(app, {"--room", "lots"}));
    ADD_FAILURE() << "--room takes lots";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "--room: cannot read \"lots\" as a size");
  }
}

}  // namespace
}  // namespace coldload::cli
