#include "cli/dispatch.h"

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"

namespace coldload::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

Ran run_with(std::vector<std::string> words) {
  words.insert(words.begin(), "coldload");
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Ran ran;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  ran.code = run_command_line(static_cast<int>(words.size()), argv.data());
  ran.out = ::testing::internal::GetCapturedStdout();
  ran.err = ::testing::internal::GetCapturedStderr();
  return ran;
}

TEST(CommandLine, HelpListsEveryCommandThatHasASummary) {
  const Ran ran = run_with({"--help"});
  EXPECT_EQ(ran.code, k_exit_ok);
  for (const Command& command : commands()) {
    if (*command.summary != '\0') {
      EXPECT_THAT(ran.out, HasSubstr(command.summary));
    } else {
      EXPECT_THAT(ran.out, Not(HasSubstr(command.name)));
    }
  }
}

TEST(CommandLine, NoCommandIsUsage) { EXPECT_EQ(run_with({}).code, k_exit_usage); }

TEST(CommandLine, VersionNamesVersionCommitAndCompiler) {
  const Ran ran = run_with({"--version"});
  EXPECT_EQ(ran.code, k_exit_ok);
  EXPECT_THAT(ran.out, HasSubstr("coldload 0."));
  EXPECT_THAT(ran.out, ::testing::ContainsRegex("(GNU|Clang)-[0-9]+"));
}

TEST(CommandLine, AnUnknownCommandIsUsageWithASuggestion) {
  const Ran ran = run_with({"comapre"});
  EXPECT_EQ(ran.code, k_exit_usage);
  EXPECT_THAT(ran.err, HasSubstr("did you mean compare?"));
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST(CommandLine, EveryCommandHasHelpAndExplainsItself) {
  for (const Command& command : commands()) {
    if (*command.summary == '\0') continue;
    const Ran ran = run_with({command.name, "--help"});
    EXPECT_EQ(ran.code, k_exit_ok) << command.name << ": " << ran.err;
    EXPECT_THAT(ran.out, Not(IsEmpty())) << command.name;
    EXPECT_THAT(ran.out, Not(HasSubstr("\n\n\n"))) << command.name;
    EXPECT_THAT(ran.err, IsEmpty()) << command.name;
  }
  for (const Command& command : commands()) {
    if (*command.summary == '\0') continue;
    const Ran ran = run_with({"help", command.name});
    EXPECT_EQ(ran.out, run_with({command.name, "--help"}).out);
    EXPECT_THAT(ran.out, HasSubstr("\nUsage: coldload "));
    EXPECT_THAT(ran.out, HasSubstr(std::string("\nExamples:\n  coldload ") + command.name));
    for (const char* type : {"TEXT ", " UINT", ":INT", ":FLOAT", "REQUIRED"}) {
      EXPECT_THAT(ran.out, Not(HasSubstr(type))) << command.name;
    }
    std::istringstream lines(ran.out.substr(0, ran.out.find("\nExamples:")));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
  for (const char* group : {"\nThe pace:\n", "\nFaults, for tests:\n", "\nThe mount:\n"}) {
    EXPECT_THAT(run_with({"shape", "--help"}).out, HasSubstr(group));
  }
}

TEST(CommandLine, HelpOfNoCommandIsUsageWithASuggestion) {
  const Ran ran = run_with({"help", "mesure"});
  EXPECT_EQ(ran.code, k_exit_usage);
  EXPECT_THAT(ran.err, HasSubstr("did you mean measure?"));
}

TEST(CommandLine, WrongUseNamesTheNextStep) {
  EXPECT_THAT(run_with({"comapre"}).err, HasSubstr("`coldload --help` lists the commands."));
  EXPECT_THAT(run_with({"compare", "--runs", "many"}).err,
              HasSubstr("`coldload compare --help` lists its flags."));
  EXPECT_THAT(run_with({"measure", "--rnus", "3"}).err, HasSubstr("did you mean --runs?"));
  EXPECT_THAT(run_with({"measure", "--rnus"}).err, HasSubstr("did you mean --runs?"));
  EXPECT_THAT(run_with({"cache", "show", "/m", "--jsno"}).err, HasSubstr("did you mean --json?"));
}

TEST(CommandLine, AServersCommandWithoutItsDashesIsSaidWithTheLineThatIsMeant) {
  EXPECT_THAT(
      run_with({"measure", "/m", "--runs", "2", "python3", "x", "--a b"}).err,
      HasSubstr("there is no -- before \"python3\": the server's command goes behind one, as "
                "in: coldload measure /m --runs 2 -- python3 x '--a b'"));
  EXPECT_THAT(run_with({"compare", "--path", "a=/m", "--path", "b=/m", "vllm", "serve"}).err,
              HasSubstr("coldload compare --path a=/m --path b=/m -- vllm serve"));
  EXPECT_THAT(run_with({"run", "/m", "vllm", "serve", "{model}"}).err,
              HasSubstr("coldload run /m -- vllm serve {model}"));
  EXPECT_THAT(run_with({"inspect", "/m", "/n"}).err, HasSubstr("unexpected word \"/n\""));
}

// What each command cannot do without: CLI11 asks for that before it speaks of unknown flags.
const std::map<std::string, std::vector<std::string>> k_required{
    {"compare", {}},
    {"measure", {"/nowhere"}},
    {"cache", {"show", "/nowhere"}},
    {"inspect", {"/nowhere"}},
    {"synth", {"/nowhere/new", "--size", "1MB"}},
    {"shape", {"/nowhere", "/nowhere/mount", "--rate", "1MB/s"}},
    {"report", {"/nowhere.jsonl"}},
};

TEST(CommandLine, AnUnknownFlagIsNamedBeforeAnythingIsDone) {
  for (const auto& [name, required] : k_required) {
    std::vector<std::string> words{name};
    words.insert(words.end(), required.begin(), required.end());
    words.emplace_back("--no-such-flag");
    const Ran ran = run_with(words);
    EXPECT_EQ(ran.code, k_exit_usage) << name;
    EXPECT_THAT(ran.err, HasSubstr("--no-such-flag")) << name;
    EXPECT_THAT(ran.out, IsEmpty()) << name;
  }
}

}  // namespace
}  // namespace coldload::cli
