#include "text/units.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace coldload::text {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(ParseSize, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("512B"), 512U);
  EXPECT_EQ(parse_size("2GB"), 2000000000U);
  EXPECT_EQ(parse_size("64MiB"), 67108864U);
  EXPECT_EQ(parse_size("3kB"), 3000U);
  EXPECT_EQ(parse_size("3KiB"), 3072U);
  EXPECT_EQ(parse_size("1TB"), 1000000000000U);
  EXPECT_EQ(parse_size("1TiB"), 1099511627776U);
}

TEST(ParseSize, ReadsOneLetterAsDdDoes) {
  EXPECT_EQ(parse_size("512k"), 524288U);
  EXPECT_EQ(parse_size("1M"), 1048576U);
  EXPECT_EQ(parse_size("1g"), 1073741824U);
}

TEST(ParseSize, TakesFractionsAndABlank) {
  EXPECT_EQ(parse_size("1.5GB"), 1500000000U);
  EXPECT_EQ(parse_size("2 GB"), 2000000000U);
  EXPECT_EQ(parse_size("0.4B"), 0U);
  EXPECT_EQ(parse_size("0"), 0U);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text :
       {"",      " ",    "GB",   "-1",   "-1GB",  "+1",    "1e9", "0x10", "1.2.3", ".",
        "1,5GB", "2GBB", "2GB ", " 2GB", "2Gbit", "2GB/s", "2XB", "nan",  "inf",   "1GB1"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(ParseSize, RefusesWhatOverflows) {
  EXPECT_FALSE(parse_size("10000000000GB").has_value());
  EXPECT_FALSE(parse_size("18446744073709551616").has_value());
  EXPECT_FALSE(parse_size(std::string(400, '9')).has_value());
  EXPECT_EQ(parse_size("8EiB"), std::nullopt);
}

TEST(ParseRate, ReadsBytesAndBits) {
  EXPECT_EQ(parse_rate("250MB/s"), 250e6);
  EXPECT_EQ(parse_rate("1GiB/s"), 1073741824.0);
  EXPECT_EQ(parse_rate("250MB"), 250e6);
  EXPECT_EQ(parse_rate("1Gbit/s"), 125e6);
  EXPECT_EQ(parse_rate("10Gb/s"), 1250e6);
  EXPECT_EQ(parse_rate("10Gbps"), 1250e6);
  EXPECT_EQ(parse_rate("8kbit/s"), 1000.0);
  EXPECT_EQ(parse_rate("0.5GB/s"), 500e6);
}

TEST(ParseRate, RefusesARateThatDeliversNothing) {
  for (const char* text : {"0", "0MB/s", "-1MB/s", "", "MB/s", "/s", "fast", "1MB/h", "1MB/s/s"}) {
    EXPECT_FALSE(parse_rate(text).has_value()) << text;
  }
}

TEST(ParseDuration, ReadsUnitsAndBareSeconds) {
  EXPECT_EQ(parse_duration("1ms"), milliseconds(1));
  EXPECT_EQ(parse_duration("250us"), microseconds(250));
  EXPECT_EQ(parse_duration("0.5s"), milliseconds(500));
  EXPECT_EQ(parse_duration("2m"), std::chrono::minutes(2));
  EXPECT_EQ(parse_duration("1h"), hours(1));
  EXPECT_EQ(parse_duration("30"), std::chrono::seconds(30));
  EXPECT_EQ(parse_duration("7ns"), nanoseconds(7));
  EXPECT_EQ(parse_duration("0"), nanoseconds(0));
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "-1s", "s", "1d", "1 minute", "1e3", "1:30"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_duration("99999999999999h").has_value());
}

TEST(FormatBytes, HasThreeDigitsInDecimalUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.00 kB");
  EXPECT_EQ(format_bytes(64000000), "64.0 MB");
  EXPECT_EQ(format_bytes(7213000000), "7.21 GB");
  EXPECT_EQ(format_bytes(152300000000), "152 GB");
  EXPECT_EQ(format_bytes(1500000000000), "1.50 TB");
}

TEST(FormatBytes, RoundsIntoTheNextUnitNotTo1000OfThisOne) {
  EXPECT_EQ(format_bytes(999499), "999 kB");
  EXPECT_EQ(format_bytes(999500), "1.00 MB");
  EXPECT_EQ(format_bytes(999999999), "1.00 GB");
  EXPECT_EQ(format_bytes(9994999), "9.99 MB");
  EXPECT_EQ(format_bytes(9995000), "10.0 MB");
  EXPECT_EQ(format_bytes(99949999), "99.9 MB");
  EXPECT_EQ(format_bytes(99950000), "100 MB");
}

TEST(FormatBytes, ReachesTheLargestNumber) {
  EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "18446744 TB");
}

TEST(FormatRate, IsBytesPerSecond) {
  EXPECT_EQ(format_rate(1.523e9), "1.52 GB/s");
  EXPECT_EQ(format_rate(0), "0 B/s");
}

TEST(FormatSeconds, HasThreeDigits) {
  EXPECT_EQ(format_seconds(0), "0.00");
  EXPECT_EQ(format_seconds(0.4249), "0.42");
  EXPECT_EQ(format_seconds(9.994), "9.99");
  EXPECT_EQ(format_seconds(9.996), "10.0");
  EXPECT_EQ(format_seconds(13.34), "13.3");
  EXPECT_EQ(format_seconds(99.96), "100");
  EXPECT_EQ(format_seconds(128.4), "128");
  EXPECT_EQ(format_seconds(-13.34), "-13.3");
}

}  // namespace
}  // namespace coldload::text
