#include "run/entrypoint.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::run {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using Kind = ReaderNews::Kind;

constexpr int k_original = 3;  // exit code of the server that serves PATH
constexpr int k_copy = 4;      // of the one that serves the copy

std::vector<std::string> says(Kind kind) { return {"printf", "%s", to_line({kind})}; }

std::vector<std::string> server(int code, const std::string& before = "") {
  return {"sh", "-c", before + "exit " + std::to_string(code)};
}

struct Ran {
  EntrypointEnd end;
  std::vector<Kind> news;
};

// `patience`: how long the copier may be silent. A busy machine must not end it by chance.
Ran run(const std::vector<std::string>& reader, const std::vector<std::string>& copier,
        const std::string& before = "", milliseconds patience = seconds(30)) {
  Ran ran;
  EntrypointOptions options;
  options.argv = server(k_original, before);
  options.reader = reader;
  options.copy = {copier, server(k_copy), patience};
  options.on_news = [&ran](const ReaderNews& news) { ran.news.push_back(news.kind); };
  ran.end = Entrypoint(options).run();
  return ran;
}

TEST(EntrypointServer, IsStartedWhateverBecomesOfTheReader) {
  for (const auto& reader :
       {std::vector<std::string>{"false"}, std::vector<std::string>{"sh", "-c", "kill -KILL $$"},
        std::vector<std::string>{"no-such-command"}}) {
    const Ran ran = run(reader, {"false"});
    EXPECT_EQ(ran.end.server->code, k_original);
    EXPECT_THAT(ran.news, ElementsAre(Kind::useless));
  }
}

TEST(EntrypointServer, OfAPathThatIsRefusedGetsItAsWritten) {
  EntrypointOptions options;
  options.argv = server(k_original);
  options.argv_as_written = server(7);
  options.reader = says(Kind::refused);
  EXPECT_EQ(Entrypoint(options).run().server->code, 7);
  options.strict = true;
  options.reader = {"printf", "%s", to_line({Kind::refused, "no checkpoint"})};
  const EntrypointEnd end = Entrypoint(options).run();
  EXPECT_FALSE(end.server);
  EXPECT_EQ(end.refused, "no checkpoint");
}

// A repository's folder in a hub cache stands for a snapshot.
TEST(Entrypoint, ServesWhatThePathStandsFor) {
  ReaderNews found{Kind::found};
  found.path = "5";
  EntrypointOptions options;
  options.argv = server(k_original);
  options.argv_of = [](const std::string& model) { return server(std::stoi(model)); };
  options.reader = {"printf", "%s", to_line(found)};
  EXPECT_EQ(Entrypoint(options).run().server->code, 5);
  options.reader = says(Kind::found);
  EXPECT_EQ(Entrypoint(options).run().server->code, k_original);
}

TEST(EntrypointCopy, IsServedWhereItIsThere) {
  EXPECT_EQ(run(says(Kind::has_copy), {"false"}).end.server->code, k_copy);
}

TEST(EntrypointCopy, IsNotServedWhereItIsFoundTooLate) {
  std::vector<std::string> late{"sh", "-c", "sleep 2; printf %s \"$0\"", to_line({Kind::has_copy})};
  Ran ran;
  EntrypointOptions options;
  options.argv = server(k_original, "sleep 5; ");
  options.reader = late;
  options.copy = {{"false"}, server(k_copy)};
  options.patience = milliseconds(50);
  options.on_news = [&ran](const ReaderNews& news) { ran.news.push_back(news.kind); };
  ran.end = Entrypoint(options).run();
  EXPECT_EQ(ran.end.server->code, k_original);
  EXPECT_THAT(ran.news, ElementsAre(Kind::late, Kind::useless));
}

TEST(EntrypointStartSet, ThatIsFoundAbsentTooLateIsSaidToBeUnlearned) {
  std::vector<Kind> news;
  EntrypointOptions options;
  options.argv = server(k_original, "sleep 5; ");
  options.reader = {"sh", "-c", "sleep 2; printf %s \"$0\"", to_line({Kind::set_absent})};
  options.start_set = {options.reader, {"false"}};
  options.patience = milliseconds(50);
  options.on_news = [&news](const ReaderNews& one) { news.push_back(one.kind); };
  EXPECT_EQ(Entrypoint(options).run().server->code, k_original);
  EXPECT_THAT(news,
              ElementsAre(Kind::late, Kind::set_not_learned, Kind::set_absent, Kind::useless));
}

TEST(EntrypointCopy, MadeFirstIsServed) {
  const Ran ran = run(says(Kind::copy_first), says(Kind::copied));
  EXPECT_EQ(ran.end.server->code, k_copy);
  EXPECT_THAT(ran.news, ElementsAre(Kind::copy_first, Kind::copied));
}

TEST(EntrypointCopy, ThatFailsIsNotServed) {
  for (const auto& copier : {says(Kind::not_copied), std::vector<std::string>{"false"},
                             std::vector<std::string>{"no-such-command"}}) {
    const Ran ran = run(says(Kind::copy_first), copier);
    EXPECT_EQ(ran.end.server->code, k_original);
    EXPECT_THAT(ran.news, ElementsAre(Kind::copy_first, Kind::not_copied));
  }
}

// A mount that hangs must not keep the server from starting.
TEST(EntrypointCopy, ThatDoesNotGoOnIsNotWaitedFor) {
  const Ran ran = run(says(Kind::copy_first), {"sleep", "100"}, "", milliseconds(300));
  EXPECT_EQ(ran.end.server->code, k_original);
  EXPECT_THAT(ran.news, ElementsAre(Kind::copy_first, Kind::not_copied));
}

TEST(EntrypointCopy, ThatGoesOnIsWaitedFor) {
  const std::string beat = to_line({Kind::copying, "", 1});
  const std::string done = to_line({Kind::copied, "", 1});
  // In all longer than the patience, and each beat well before it is over.
  const Ran ran = run(
      says(Kind::copy_first),
      {"sh", "-c", "for i in 1 2 3 4 5 6; do printf %s \"$0\"; sleep 0.5; done; printf %s \"$1\"",
       beat, done},
      "", seconds(2));
  EXPECT_EQ(ran.end.server->code, k_copy);
}

TEST(EntrypointCopy, IsMadeBesideTheServerWhereReadingAheadHelps) {
  const Ran ran = run(says(Kind::found), says(Kind::copied), "sleep 5; ");
  EXPECT_EQ(ran.end.server->code, k_original);
  EXPECT_THAT(ran.news, ElementsAre(Kind::found, Kind::copied));
}

TEST(EntrypointCopy, IsNotMadeWhereTheReaderSaysThatItCannotBe) {
  const std::string both = to_line({Kind::found}) + to_line({Kind::not_copied, "foreign"});
  const Ran ran = run({"printf", "%s", both}, says(Kind::copied), "sleep 5; ");
  EXPECT_THAT(ran.news, ElementsAre(Kind::found, Kind::not_copied));
}

}  // namespace
}  // namespace coldload::run
