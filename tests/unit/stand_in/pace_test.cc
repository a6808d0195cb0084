#include "stand_in/pace.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/error.h"

namespace coldload::stand_in {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ParsePace, ReadsRateLatencyAndRequests) {
  const Pace pace = parse_pace("250MB/s,1ms");
  EXPECT_DOUBLE_EQ(pace.rate_bytes_per_s, 250e6);
  EXPECT_EQ(pace.latency, 1ms);
  EXPECT_FALSE(pace.requests_per_s);
  EXPECT_DOUBLE_EQ(parse_pace("1Gbit/s").rate_bytes_per_s, 125e6);
  EXPECT_EQ(parse_pace("1Gbit/s").latency, 0ns);
  EXPECT_EQ(parse_pace("1GiB/s,250us,3000iops").requests_per_s, 3000);
  EXPECT_EQ(parse_pace("1GiB/s,0,3000").requests_per_s, 3000);
  EXPECT_EQ(parse_pace("1GiB/s,1ms,60MB/s/stream").stream_bytes_per_s, 60e6);
  EXPECT_EQ(parse_pace("1GiB/s,1ms,60MB/s/stream,5iops").requests_per_s, 5);
  EXPECT_EQ(parse_pace("1GiB/s,1ms,200MB/s/client,60MB/s/stream").client_bytes_per_s, 200e6);
}

TEST(ParsePace, RefusesWithTheCause) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      (void)parse_pace(text);
    } catch (const os::Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message(""), HasSubstr("not a rate above zero"));
  EXPECT_THAT(message("0"), HasSubstr("not a rate above zero"));
  EXPECT_THAT(message("0MB/s,1ms"), HasSubstr("not a rate above zero"));
  EXPECT_THAT(message("fast,1ms"), HasSubstr("\"fast\" is not a rate"));
  EXPECT_THAT(message("-250MB/s"), HasSubstr("not a rate"));
  EXPECT_THAT(message("250MB/s,soon"), HasSubstr("\"soon\" is not a time"));
  EXPECT_THAT(message("250MB/s,"), HasSubstr("not a time"));
  EXPECT_THAT(message("250MB/s,1ms,many"), HasSubstr("requests per second"));
  EXPECT_THAT(message("250MB/s,1ms,0iops"), HasSubstr("requests per second"));
  EXPECT_THAT(message("250MB/s,1ms,1,2"), HasSubstr("more than"));
  EXPECT_THAT(message("250MB/s,1ms,1MB/s/stream,1MB/s/stream"), HasSubstr("more than"));
  EXPECT_THAT(message("250MB/s,1ms,fast/stream"), HasSubstr("\"fast\" is not a rate"));
  EXPECT_THAT(message("250MB/s,1ms,1/stream"), HasSubstr("for each stream"));
  EXPECT_THAT(message("250MB/s,1ms,1MB/s/client,1MB/s/client"), HasSubstr("more than"));
  EXPECT_THAT(message("250MB/s,1ms,1/client"), HasSubstr("for each client"));
  EXPECT_THAT(message("efs-elastik"), HasSubstr("efs-elastic"));
  EXPECT_THAT(message("250"), HasSubstr("with the unit"));
  EXPECT_THAT(message("500GB/s"), HasSubstr("cannot have a rate"));
  EXPECT_THAT(message("250MB/s,1h"), HasSubstr("cannot have a latency"));
}

TEST(SpecOf, IsReadAsTheSameFigures) {
  for (const std::string text :
       {"250MB/s,1ms", "125MiB/s,250us,3000iops", "1000MB/s,7ns,60MB/s/stream",
        "100001B/s,0ms,1iops,100kB/s/stream", "123456.5B/s,10000ms", "1GiB/s,1ms,200MB/s/client"}) {
    const Pace pace = parse_pace(text);
    const Pace again = parse_pace(spec_of(pace));
    EXPECT_EQ(again.rate_bytes_per_s, pace.rate_bytes_per_s) << text;
    EXPECT_EQ(again.latency, pace.latency) << text;
    EXPECT_EQ(again.requests_per_s, pace.requests_per_s) << text;
    EXPECT_EQ(again.stream_bytes_per_s, pace.stream_bytes_per_s) << text;
    EXPECT_EQ(again.client_bytes_per_s, pace.client_bytes_per_s) << text;
  }
  EXPECT_EQ(spec_of(parse_pace("250MB/s,1ms")), "250MB/s,1ms");
}

TEST(RateFor, IsTheLeastOfAllTogetherAndEachStream) {
  const Pace pace = parse_pace("1GB/s,1ms,300MB/s/stream");
  EXPECT_EQ(rate_for(pace, 1), 300e6);
  EXPECT_EQ(rate_for(pace, 3), 900e6);
  EXPECT_EQ(rate_for(pace, 4), 1e9);
  EXPECT_EQ(rate_for(parse_pace("1GB/s"), 1), 1e9);
  const Pace of_client = parse_pace("1GB/s,1ms,500MB/s/client,300MB/s/stream");
  EXPECT_EQ(rate_for(of_client, 1), 300e6);
  EXPECT_EQ(rate_for(of_client, 4), 500e6) << "on one mount";
}

TEST(Presets, AreModelsOfTheirOwnSpec) {
  for (const Preset& preset : k_presets) {
    const Pace pace = parse_pace(preset.name);
    EXPECT_EQ(pace.preset, preset.name);
    EXPECT_EQ(spec_of(pace), spec_of(parse_pace(preset.spec)));
    EXPECT_THAT(to_string(pace), HasSubstr(std::string("the model ") + preset.name));
  }
  EXPECT_THROW((void)preset_pace("250MB/s"), os::Error);
}

}  // namespace
}  // namespace coldload::stand_in
