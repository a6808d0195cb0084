#include "server/startup_log.h"

#include <array>
#include <cmath>
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "unit/server/reading.h"

namespace coldload::server {
namespace {

constexpr auto k_little = std::to_array<LogPattern>(
    {{Says::begins, "weights", "", "load begins"},
     {Says::ends, "weights", "", "load ends"},
     {Says::took, "weights", "weights_s", R"(weights took (\S+) s)"},
     {progress(Says::spans), "weights", "", R"(shards \d+%)"},
     {enclosing(Says::took), "weights", "model_s", R"(model took (\S+) s)"},
     {Says::took, "compile", "compile_s", R"(compile took (\S+) s)"},
     {Says::took, "profile", "profile_s", R"(profile took (\S+) s)"},
     {Says::sums_up, "", "compile_s", R"(compile total (\S+) s)"},
     {Says::begins, "http", "", "http begins"},
     {Says::reports, "", "size_gib", R"(size (\S+) MiB)", "", 1.0 / 1024},
     {Says::reports, "", "kv_tokens", R"(room for (\S+) tokens)"},
     {Says::reports, "", "version", R"(version (\S+))"}});
constexpr LogGrammar k_little_grammar{k_little, R"(\[(\w+)\])"};

std::vector<LogPhase> phases_of(const TimedLines& lines, double ready_s) {
  StartupLog log(k_little_grammar);
  feed(&log, lines);
  return log.phases(second(0), second(ready_s));
}

text::json::object reported_by(const std::vector<std::string>& lines) {
  StartupLog log(k_little_grammar);
  TimedLines timed;
  for (const std::string& line : lines) timed.emplace_back(1.0, line);
  feed(&log, timed);
  return log.reported();
}

TEST(StartupLog, OfUnknownTextsSaysNothing) {
  StartupLog log(k_little_grammar);
  feed(&log, {{1, "Weights loaded: 12 seconds"}, {2, "ready"}});
  EXPECT_TRUE(log.phases(second(0), second(3)).empty());
  EXPECT_TRUE(log.reported().empty());
  EXPECT_EQ(log.failure(), "");
  EXPECT_EQ(log.last_phase(), "");
}

TEST(StartupLog, GrammarsAreToldApartByTheirExpressions) {
  std::array<LogPattern, 1> patterns{{{Says::reports, "", "version", R"(first (\S+))"}}};
  for (const auto& [regex, line] :
       {std::pair(R"(first (\S+))", "first 1"), std::pair(R"(second (\S+))", "second 1")}) {
    patterns[0].regex = regex;
    StartupLog log(LogGrammar{patterns, ""});
    feed(&log, {{1, "first 2"}, {2, line}});
    EXPECT_EQ(log.reported(), (text::json::object{{"version", "1"}}));
  }
}

TEST(StartupLog, PlacesADurationBeforeTheLineThatTellsIt) {
  const auto phases = phases_of({{10, "weights took 4 s"}}, 20);
  ASSERT_EQ(phases.size(), 2U);
  EXPECT_EQ(phases[0].name, "start");
  EXPECT_NEAR(phases[0].end_s, 6, 1e-6);
  EXPECT_EQ(phases[1].name, "weights");
  EXPECT_NEAR(phases[1].start_s, 6, 1e-6);
  EXPECT_NEAR(phases[1].end_s, 10, 1e-6);
}

TEST(StartupLog, BelievesTheStampsOfBeginAndEnd) {
  const auto phases = phases_of({{3, "load begins"}, {7.5, "load ends"}}, 9);
  EXPECT_NEAR(phase_s(phases, "weights"), 4.5, 1e-6);
  EXPECT_NEAR(phase_s(phases, "start"), 3, 1e-6);
}

TEST(StartupLog, APhaseThatDidNotEndIsNone) {
  EXPECT_EQ(phase_s(phases_of({{3, "load begins"}}, 9), "weights"), 0);
  EXPECT_EQ(phase_s(phases_of({{3, "load ends"}}, 9), "weights"), 0);
}

TEST(StartupLog, UsesTheBestEvidenceOnly) {
  const TimedLines progress{{2, "shards 0%"}, {5, "shards 100%"}, {8, "model took 7 s"}};
  EXPECT_NEAR(phase_s(phases_of(progress, 9), "weights"), 3, 1e-6);
  TimedLines direct = progress;
  direct.emplace_back(8.5, "weights took 2 s");
  EXPECT_NEAR(phase_s(phases_of(direct, 9), "weights"), 2, 1e-6);
  EXPECT_NEAR(phase_s(phases_of({{8, "model took 7 s"}}, 9), "weights"), 7, 1e-6);
}

TEST(StartupLog, CountsNoTimeTwice) {
  // The profile run contains the compilation, and the model's time the weights'.
  const auto phases =
      phases_of({{20, "compile took 5 s"}, {25, "profile took 15 s"}, {26, "http begins"}}, 27);
  EXPECT_NEAR(phase_s(phases, "compile"), 5, 1e-6);
  EXPECT_NEAR(phase_s(phases, "profile"), 10, 1e-6);
  EXPECT_NEAR(phase_s(phases, "http"), 1, 1e-6);
}

TEST(StartupLog, TakesTheSlowestWorker) {
  const TimedLines lines{{10, "[TP0] weights took 3 s"}, {12, "[TP1] weights took 8 s"}};
  const auto phases = phases_of(lines, 15);
  EXPECT_NEAR(phase_s(phases, "weights"), 8, 1e-6);
  const auto reported = reported_by({"[TP0] weights took 3 s", "[TP1] weights took 8 s"});
  EXPECT_EQ(reported.at("weights_s").as_double(), 8);
}

TEST(StartupLog, AddsUpTheLoadsOfOneWorker) {
  const TimedLines lines{{10, "[TP0] weights took 3 s"}, {12, "[TP0] weights took 1 s"}};
  EXPECT_NEAR(phase_s(phases_of(lines, 15), "weights"), 4, 1e-6);
  EXPECT_EQ(reported_by({"[a] weights took 3 s", "[a] weights took 1 s", "[b] weights took 3.5 s"})
                .at("weights_s")
                .as_double(),
            4);
}

TEST(StartupLog, LinesThatNameNoWorkerMayBeOfSeveral) {
  StartupLog log(k_little_grammar);
  feed(&log, {{3, "load begins"},
              {3.1, "load begins"},
              {5, "weights took 1.90 s"},
              {5, "weights took 1.93 s"},
              {5.1, "weights took 1.91 s"},
              {9, "weights took 1 s"}});
  EXPECT_NEAR(log.reported().at("weights_s").as_double(), 2.93, 1e-9);
  EXPECT_NEAR(phase_s(log.phases(second(0), second(10)), "weights"), 3.1, 1e-6);
}

TEST(StartupLog, OfSeveralThatNameNoWorkerTheLastEndCounts) {
  const TimedLines lines{
      {3, "load begins"}, {3.1, "load begins"}, {5, "load ends"}, {7, "load ends"}};
  EXPECT_NEAR(phase_s(phases_of(lines, 9), "weights"), 4, 1e-6);
  // One more of them is none that began.
  TimedLines more = lines;
  more.emplace_back(8, "load ends");
  EXPECT_NEAR(phase_s(phases_of(more, 9), "weights"), 4, 1e-6);
}

TEST(StartupLog, TheSlowestWorkerIsNotTheOneWhoseTimesOverlap) {
  const TimedLines lines{{10, "[TP0] compile took 3 s"},
                         {10.1, "[TP0] compile took 3 s"},
                         {10.2, "[TP1] compile took 5 s"}};
  EXPECT_NEAR(phase_s(phases_of(lines, 15), "compile"), 5, 1e-6);
}

TEST(StartupLog, LetsTheServersOwnTotalStand) {
  EXPECT_EQ(reported_by({"compile took 3 s", "compile total 9 s"}).at("compile_s").as_double(), 9);
  EXPECT_EQ(reported_by({"compile total 9 s", "compile took 3 s"}).at("compile_s").as_double(), 9);
}

TEST(StartupLog, ReadsCountsUnitsAndTexts) {
  const auto reported =
      reported_by({"room for 1,505,068 tokens", "size 2048.00 MiB", "version 0.23.1rc1+g1"});
  EXPECT_EQ(reported.at("kv_tokens").to_number<std::uint64_t>(), 1505068U);
  EXPECT_EQ(reported.at("size_gib").as_double(), 2);
  EXPECT_EQ(reported.at("version").as_string(), "0.23.1rc1+g1");
}

TEST(StartupLog, KeepsOutWhatIsNoNumber) {
  EXPECT_TRUE(reported_by({"weights took 1.2.3 s", "weights took nan s", "weights took inf s",
                           "room for 1e3 tokens"})
                  .empty());
}

TEST(StartupLog, ClipsToLaunchAndReady) {
  const auto phases = phases_of({{5, "weights took 900 s"}, {6, "http begins"}}, 5.5);
  for (const LogPhase& phase : phases) {
    EXPECT_GE(phase.start_s, 0);
    EXPECT_LE(phase.end_s, 5.5);
  }
  EXPECT_EQ(phase_s(phases, "http"), 0);
}

TEST(StartupLog, FindsTextBehindWhatAProgressBarLeft) {
  StartupLog log(k_little_grammar);
  log.feed(second(2), "\rCapturing:  97%|###| 65/67");
  log.feed(second(9), "[TP2] INFO weights took 4 s\n");
  log.finish();
  EXPECT_NEAR(phase_s(log.phases(second(0), second(10)), "weights"), 4, 1e-6);
  EXPECT_NEAR(log.phases(second(0), second(10)).back().end_s, 9, 1e-6);
}

TEST(StartupLog, RemembersThePhaseThatItHeardOfLast) {
  StartupLog log(k_little_grammar);
  feed(&log, {{1, "load begins"}, {2, "something else"}});
  EXPECT_EQ(log.last_phase(), "weights");
}

// Whatever a log says, in whatever order: the phases lie inside, apart, and never add up to more.
TEST(StartupLog, NeverCountsMoreThanThereWas) {
  std::mt19937 random(7);
  const std::vector<std::string> texts{"load begins",      "load ends",       "weights took 3 s",
                                       "shards 50%",       "http begins",     "model took 8 s",
                                       "compile took 2 s", "profile took 5 s"};
  for (int round = 0; round < 300; ++round) {
    TimedLines lines;
    double at_s = 0;
    for (int i = 0; i < 12; ++i) {
      at_s += std::uniform_real_distribution<>(0, 2)(random);
      lines.emplace_back(
          at_s, "[W" + std::to_string(random() % 3) + "] " + texts[random() % texts.size()]);
    }
    const double ready_s = std::uniform_real_distribution<>(0, 20)(random);
    double end_s = 0;
    for (const LogPhase& phase : phases_of(lines, ready_s)) {
      EXPECT_GE(phase.start_s, end_s - 1e-9);
      EXPECT_GT(phase.end_s, phase.start_s);
      end_s = phase.end_s;
    }
    EXPECT_LE(end_s, ready_s + 1e-9);
  }
}

TEST(StartupLog, SurvivesManyWorkersAndManyLines) {
  StartupLog log(k_little_grammar);
  for (int i = 0; i < 5000; ++i) {
    log.feed(second(i), "[w" + std::to_string(i) + "] weights took 1 s\n");
  }
  log.finish();
  EXPECT_EQ(log.reported().at("weights_s").as_double() > 0, true);
}

// However it is cut, a log says the same: large pieces are searched before they are split.
TEST(StartupLog, ReadsLargePiecesAsItReadsLines) {
  std::mt19937 random(11);
  const std::vector<std::string> texts{
      "[a] weights took 3 s", "[b] weights took 2 s",    "version 1.2",
      "room for 7 tokens",    "\x1b[1mversion\x1b[0m 9", "size 1024 MiB"};
  for (int round = 0; round < 200; ++round) {
    std::string whole;
    while (whole.size() < 60000) {
      const bool speaks = random() % 400 == 0;
      whole += speaks ? texts[random() % texts.size()] : std::string(random() % 200, 'x');
      whole += random() % 20 == 0 ? "\r" : random() % 20 == 0 ? "\r\n" : "\n";
    }
    StartupLog by_bytes(k_little_grammar);
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      by_bytes.feed(second(1), whole.substr(at, 7));
    }
    by_bytes.finish();
    StartupLog by_pieces(k_little_grammar);
    for (std::size_t at = 0; at < whole.size();) {
      const std::size_t size = 1 + random() % 20000;
      by_pieces.feed(second(1), whole.substr(at, size));
      at += size;
    }
    by_pieces.finish();
    EXPECT_EQ(by_pieces.reported(), by_bytes.reported());
  }
}

}  // namespace
}  // namespace coldload::server
