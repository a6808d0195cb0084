#include "cli/manual.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/completions.h"
#include "cli/flag_table.h"

namespace coldload::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A command whose texts hold what steers roff or a shell.
std::vector<CommandFacts> odd_table() {
  FlagFacts flag;
  flag.names = {"-o", "--odd"};
  flag.value = "A:B";
  flag.description = ".5 of [it]: 'a\\b' $(reboot) `reboot`";
  CommandFacts command;
  command.name = "odd";
  command.summary = "don't";
  command.description = "One.\nTwo.\n  coldload odd --x\nThree.";
  command.groups = {{"How \"odd\"", {flag}}};
  return {command};
}

TEST(ManPage, ShowsATextAsItIs) {
  const std::string page = man_pages(odd_table(), {"1.2", "2026-01-31"}).at("coldload-odd.1");
  EXPECT_THAT(page, HasSubstr(".TH \"COLDLOAD\\-ODD\" 1 \"2026-01-31\" \"coldload 1.2\""));
  EXPECT_THAT(page, HasSubstr("\n\\&.5 of [it]: \\(aqa\\eb\\(aq $(reboot) \\(gareboot\\(ga\n"));
  EXPECT_THAT(page, HasSubstr(".SS \"How \\(dqodd\\(dq\"\n"));
  EXPECT_THAT(page, HasSubstr(".TP\n\\fB\\-o\\fR, \\fB\\-\\-odd\\fR \\fIA:B\\fR\n"));
}

TEST(ManPage, LeavesExamplesInTheirLines) {
  const std::string page = man_pages(odd_table(), {"1.2", ""}).at("coldload-odd.1");
  EXPECT_THAT(page, HasSubstr("One.\nTwo.\n.PP\n.nf\ncoldload odd \\-\\-x\n.fi\n.PP\nThree.\n"));
}

TEST(Completion, QuotesWhatAShellWouldRead) {
  const std::vector<CommandFacts> table = odd_table();
  EXPECT_THAT(
      zsh_completion(table),
      HasSubstr(R"('(-o --odd)--odd=[.5 of \[it\]\: '\''a\\b'\'' $(reboot) `reboot`]:A\:B:)"));
  EXPECT_THAT(zsh_completion(table), HasSubstr(R"('odd:don'\''t')"));
  EXPECT_THAT(fish_completion(table), HasSubstr(R"(-d '.5 of [it]: \'a\\b\' $(reboot) `reboot`')"));
  EXPECT_THAT(bash_completion(table), Not(HasSubstr("reboot")));
}

TEST(FlagTable, HasWhatTheHelpListsAndNothingThatItHides) {
  std::vector<std::string> names;
  for (const CommandFacts& command : flag_table()) {
    names.push_back(command.name);
    for (const FlagFacts& flag : command.flags()) {
      EXPECT_THAT(flag.description, Not(testing::IsEmpty())) << command.name;
      if (command.name != "report") continue;
      for (const std::string& name : flag.names) names.push_back(name);
    }
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"compare", "run", "report", "--output", "--what-if"}));
  EXPECT_THAT(names, Not(testing::Contains("guard")));
  EXPECT_EQ(std::count(names.begin(), names.end(), "--help"), 1);
}

CommandFacts command_of(const std::string& name) {
  for (const CommandFacts& command : flag_table()) {
    if (command.name == name) return command;
  }
  ADD_FAILURE() << name << " is not in the table";
  return {};
}

FlagFacts flag_of(const std::string& command, const std::string& name) {
  for (const FlagFacts& flag : command_of(command).flags()) {
    if (flag.names.back() == name) return flag;
  }
  ADD_FAILURE() << command << " has no " << name;
  return {};
}

TEST(FlagTable, SaysWhatAFlagTakes) {
  const FlagFacts runs = flag_of("compare", "--runs");
  EXPECT_THAT(runs.names, ElementsAre("-r", "--runs"));
  EXPECT_EQ(runs.default_value, "5");
  EXPECT_EQ(runs.variable, "RUNS");
  EXPECT_FALSE(runs.value.empty());
  EXPECT_FALSE(runs.repeats);
  EXPECT_TRUE(flag_of("compare", "--path").repeats);
  EXPECT_TRUE(flag_of("compare", "--dry-run").value.empty());
  EXPECT_FALSE(flag_of("compare", "--dry-run").repeats);
  EXPECT_TRUE(flag_of("synth", "--size").required);
  EXPECT_THAT(command_of("completions").words.at(0).choices, ElementsAre("bash", "zsh", "fish"));
}

}  // namespace
}  // namespace coldload::cli
