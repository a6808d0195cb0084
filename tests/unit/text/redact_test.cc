#include "text/redact.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coldload::text {
namespace {

using ::testing::ElementsAre;

Redactor knowing(const std::vector<std::string>& values) {
  Environment environment;
  for (const std::string& value : values) environment.emplace_back("TOKEN", value);
  return {{}, environment};
}

// In pieces that end at `cuts`; what came out, and each piece of it.
std::string in_pieces(const Redactor& redactor, std::string_view text, std::size_t piece_bytes) {
  StreamRedactor stream(redactor);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece_bytes) {
    out += stream.feed(text.substr(at, piece_bytes));
  }
  out += stream.flush();
  return out;
}

TEST(Redactor, ReplacesWhatArgvAndEnvironmentGiveAway) {
  const Redactor redactor({"serve", "--api-key", "s3cr3t-key", "--proxy", "http://me:hunter22@h"},
                          {{"HF_TOKEN", "hf_abcdef"}, {"HOME", "/opt/models"}});
  EXPECT_EQ(redactor.apply("key=s3cr3t-key, hf_abcdef; 'hunter22' of /opt/models"),
            "key=[redacted], [redacted]; '[redacted]' of /opt/models");
}

TEST(Redactor, LeavesShortValuesInTextButNotInPlace) {
  const Redactor redactor({"--api-key", "abc"}, {{"MY_TOKEN", "1"}});
  EXPECT_EQ(redactor.apply("abc 1 1"), "abc 1 1");
  EXPECT_THAT(
      redactor.redact_argv({"--api-key", "abc", "--env", "MY_TOKEN=1", "--key=x"}),
      ElementsAre("--api-key", "[redacted]", "--env", "MY_TOKEN=[redacted]", "--key=[redacted]"));
}

TEST(Redactor, FindsValuesInOtherWordsOfACommandLine) {
  const Redactor redactor = knowing({"hf_abcdef"});
  EXPECT_THAT(redactor.redact_argv({"x", "--note", "it is hf_abcdef!"}),
              ElementsAre("x", "--note", "it is [redacted]!"));
}

TEST(Redactor, CleansVariables) {
  const Redactor redactor = knowing({"hf_abcdef"});
  const Environment cleaned = redactor.redact_environment(
      {{"A_KEY", "x"}, {"B", "is hf_abcdef"}, {"C", "http://u:p@h"}, {"D_KEY", ""}, {"E", "e"}});
  EXPECT_EQ(cleaned, (Environment{{"A_KEY", "[redacted]"},
                                  {"B", "is [redacted]"},
                                  {"C", "http://[redacted]@h"},
                                  {"D_KEY", ""},
                                  {"E", "e"}}));
}

TEST(Redactor, LeavesNothingOfValuesThatOverlap) {
  const Redactor redactor = knowing({"abcdef", "abcdefgh", "fghijk", "xabcde"});
  EXPECT_EQ(redactor.apply("abcdefgh"), "[redacted]");
  EXPECT_EQ(redactor.apply("abcdefghijk"), "[redacted]");
  EXPECT_EQ(redactor.apply("-xabcdef-"), "-[redacted]-");
  EXPECT_EQ(redactor.apply("abcdefabcdef"), "[redacted][redacted]");
  EXPECT_EQ(redactor.apply("abcde"), "abcde");
}

TEST(Redactor, TakesTheLongestOfValuesThatBeginAlike) {
  const Redactor redactor = knowing({"aaaaaa", "aaaaaaab", "aaaaaaabcd", "aaaaaaabb", "aaaaaac"});
  EXPECT_EQ(redactor.apply("<aaaaaaabce>"), "<[redacted]ce>");
  EXPECT_EQ(redactor.apply("<aaaaaaabcd>"), "<[redacted]>");
  EXPECT_EQ(redactor.apply("<aaaaaad>"), "<[redacted]d>");
  EXPECT_EQ(redactor.apply("<aaaaac>"), "<aaaaac>");
}

// As SecretParts.OfAQuarterMegabyteAreFoundInOnePass.
TEST(Redactor, KnowsManyValuesAsFastAsOne) {
  std::vector<std::string> argv;
  for (int number = 0; number < 20'000; ++number) {
    argv.insert(argv.end(), {"--api-key", "secret-value-" + std::to_string(number)});
  }
  const Redactor redactor(argv, {});
  const std::vector<std::string> redacted = redactor.redact_argv(argv);
  EXPECT_EQ(redacted.size(), argv.size());
  EXPECT_EQ(redacted.back(), "[redacted]");
  EXPECT_EQ(redactor.apply("secret-value-19999 secret-value-"), "[redacted] secret-value-");
}

TEST(Redactor, KnowsHowLogsWriteAValue) {
  const Redactor redactor = knowing({"with\"quote\\s", "-----BEGIN\nMIIEvQIBADAN\n-----END"});
  EXPECT_EQ(redactor.apply(R"({"token": "with\"quote\\s"})"), R"({"token": "[redacted]"})");
  EXPECT_EQ(redactor.apply(R"(x='-----BEGIN\nMIIEvQIBADAN\n')").find("MIIE"), std::string::npos);
  EXPECT_EQ(knowing({"first-one,second-one"}).apply("key second-one is used"),
            "key [redacted] is used");
}

TEST(Redactor, TakesUserAndPasswordOutOfAnyUrl) {
  const Redactor redactor;
  EXPECT_EQ(redactor.apply("see https://user:p@ss@host/x@y, s3://k@b and http://host:80/"),
            "see https://[redacted]@host/x@y, s3://[redacted]@b and http://host:80/");
  EXPECT_EQ(redactor.apply("http://me@h http://[redacted]@h ://@"),
            "http://[redacted]@h http://[redacted]@h ://@");
  EXPECT_EQ(knowing({"//user:"}).apply("http://user:pass@h"), "http://[redacted]@h");
}

TEST(Redactor, HasNothingToDoWithAnEmptyText) {
  EXPECT_EQ(Redactor().apply(""), "");
  EXPECT_EQ(knowing({"abcdef"}).apply(""), "");
  EXPECT_EQ(knowing({""}).apply("x"), "x");
}

TEST(StreamRedactor, FindsWhatIsCutAnywhere) {
  const Redactor redactor = knowing({"s3cr3t-value", "s3cr3t-value-longer", "longer-than-that"});
  const std::string text =
      "a s3cr3t-value-longer-than-that b s3cr3t-value\nhttp://me:pw@host/ s3cr3t-valu http://h:1";
  const std::string expected =
      "a [redacted] b [redacted]\nhttp://[redacted]@host/ s3cr3t-valu http://h:1";
  EXPECT_EQ(redactor.apply(text), expected);
  for (std::size_t bytes = 1; bytes <= text.size(); ++bytes) {
    EXPECT_EQ(in_pieces(redactor, text, bytes), expected) << bytes;
  }
}

// Against random texts of few letters, in which values overlap and repeat all the time.
TEST(StreamRedactor, GivesTheSameHoweverTheTextIsCut) {
  std::mt19937 random(7);
  const auto letters = [&random](std::size_t count, std::string_view alphabet) {
    std::string text;
    while (text.size() < count) text += alphabet[random() % alphabet.size()];
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    const Redactor redactor =
        knowing({letters(6, "ab"), letters(7, "ab:"), letters(9, "ab"), letters(8, ":/a")});
    const std::string text = letters(120, round % 2 == 0 ? "ab" : "ab://@ ");
    const std::string whole = redactor.apply(text);
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
      ASSERT_EQ(in_pieces(redactor, text, bytes), whole) << text << " in pieces of " << bytes;
    }
  }
}

TEST(StreamRedactor, PassesOnALineAtOnceAndAPieceWithoutACopy) {
  StreamRedactor stream(knowing({"s3cr3t-value", "a-much-longer-value"}));
  const std::string line = "INFO: ready on http://127.0.0.1:8000\n";
  const std::string_view passed = stream.feed(line);
  EXPECT_EQ(passed.data(), line.data());
  EXPECT_EQ(passed.size(), line.size());
  EXPECT_EQ(stream.feed("it is s3cr3t-value"), "it is [redacted]");
  EXPECT_EQ(stream.feed("not the s3cr3t-"), "not the ");
  EXPECT_EQ(stream.feed("key\n"), "s3cr3t-key\n");
  EXPECT_EQ(stream.flush(), "");
}

TEST(StreamRedactor, HoldsBackLessThanTheLongestValue) {
  StreamRedactor stream(knowing({"aaaaaaaa"}));
  std::size_t passed = stream.feed("b").size();
  for (int i = 0; i < 1000; ++i) passed += stream.feed("a").size();
  // One mark for the whole run, and no byte of it.
  EXPECT_EQ(passed, 1 + k_redacted.size());
  EXPECT_EQ(stream.feed("b\n"), "b\n");
}

TEST(StreamRedactor, DoesNotWaitForTheEndOfAnEndlessHost) {
  StreamRedactor stream{Redactor()};
  std::string out{stream.feed("http://")};
  const std::string piece(100, 'x');
  for (int i = 0; i < 50; ++i) out += stream.feed(piece);
  EXPECT_GT(out.size(), 50 * 100 - 2 * k_longest_userinfo);
  out += stream.flush();
  EXPECT_EQ(out.size(), 7U + 50 * 100);
}

}  // namespace
}  // namespace coldload::text
