#include "server/argv.h"

#include <gtest/gtest.h>

namespace coldload::server {
namespace {

using Argv = std::vector<std::string>;

ArgvFacts facts_of_argv(const Argv& argv) {
  return facts_of_command(read_command(argv, nullptr, {}));
}

ArgvFacts examine_argv(const Argv& argv) {
  return examine_command(read_command(argv, nullptr, {}));
}

TEST(ExamineArgv, RefusesAnEmptyCommand) {
  EXPECT_THROW((void)examine_argv({}), ArgvError);
  EXPECT_THROW((void)examine_argv({""}), ArgvError);
}

TEST(ExamineArgv, RefusesACommandWithoutModel) {
  EXPECT_THROW((void)examine_argv({"vllm", "serve", "/models/m", "--port", "1"}), ArgvError);
}

TEST(FactsOfArgv, NeedNoModel) {
  EXPECT_EQ(facts_of_argv({"vllm", "serve", "/models/m", "--port", "1"}).fixed_port, 1);
  EXPECT_THROW((void)facts_of_argv({}), ArgvError);
}

TEST(ExamineArgv, RecognisesAFixedPort) {
  EXPECT_EQ(examine_argv({"s", "{model}", "--port", "8000"}).fixed_port, 8000);
  EXPECT_EQ(examine_argv({"s", "{model}", "--port=8001"}).fixed_port, 8001);
  EXPECT_EQ(examine_argv({"s", "{model}", "-p", "8002"}).fixed_port, 8002);
  EXPECT_EQ(examine_argv({"s", "{model}", "--port", "1", "--port", "2"}).fixed_port, 2);
}

TEST(ExamineArgv, TakesNoPortFromWhatIsNone) {
  EXPECT_FALSE(examine_argv({"s", "{model}", "--port", "0"}).fixed_port);
  EXPECT_FALSE(examine_argv({"s", "{model}", "--port", "65536"}).fixed_port);
  EXPECT_FALSE(examine_argv({"s", "{model}", "--port", "80x"}).fixed_port);
  EXPECT_FALSE(examine_argv({"s", "{model}", "--port"}).fixed_port);
  EXPECT_FALSE(examine_argv({"s", "{model}", "--port-name", "80"}).fixed_port);
}

TEST(ExamineArgv, APlaceholderBeatsAFixedPort) {
  const ArgvFacts facts = examine_argv({"s", "{model}", "--port={port}", "-p", "70"});
  EXPECT_TRUE(facts.uses_port);
  EXPECT_FALSE(facts.fixed_port);
}

TEST(ExamineArgv, ReadsTheContextLengthOfEveryServer) {
  EXPECT_EQ(examine_argv({"vllm", "{model}", "--max-model-len", "4096"}).max_model_len, 4096U);
  EXPECT_EQ(examine_argv({"vllm", "{model}", "--max_model_len=4k"}).max_model_len, 4000U);
  EXPECT_EQ(examine_argv({"vllm", "{model}", "--max-model-len=4K"}).max_model_len, 4096U);
  EXPECT_EQ(examine_argv({"sglang", "{model}", "--context-length", "7"}).max_model_len, 7U);
  EXPECT_EQ(examine_argv({"/b/llama-server", "-m", "{model}", "-c", "512"}).max_model_len, 512U);
}

TEST(ExamineArgv, LeavesTheContextLengthOpenWhereTheServerChooses) {
  EXPECT_FALSE(examine_argv({"vllm", "{model}", "--max-model-len", "auto"}).max_model_len);
  EXPECT_FALSE(examine_argv({"llama-server", "{model}", "-c", "0"}).max_model_len);
  EXPECT_FALSE(examine_argv({"sh", "-c", "512", "{model}"}).max_model_len);
  EXPECT_FALSE(
      examine_argv({"v", "{model}", "--max-model-len", "99999999999999999999"}).max_model_len);
}

TEST(FactsOfArgv, TakeNoNumberFromAWrappersWords) {
  const ArgvFacts facts = facts_of_argv({"numactl", "-p", "1", "vllm", "serve", "{model}"});
  EXPECT_FALSE(facts.fixed_port);
  EXPECT_FALSE(facts_of_argv({"ionice", "-c", "2", "llama-server", "-m", "{model}"}).max_model_len);
  EXPECT_FALSE(facts_of_argv({"env", "--port", "7", "vllm", "serve", "{model}"}).fixed_port);
  EXPECT_EQ(facts_of_argv({"env", "PORT=7", "text-generation-launcher"}).fixed_port, 7);
  EXPECT_EQ(facts_of_argv({"env", "PORT=7", "text-generation-launcher", "-p", "8"}).fixed_port, 8);
}

TEST(FactsOfArgv, TakeNoNumberFromAnUnknownProgramThatStartsAServer) {
  EXPECT_FALSE(facts_of_argv({"mpirun", "-n", "1", "--port", "7", "vllm", "serve"}).fixed_port);
  EXPECT_FALSE(facts_of_argv({"./watch", "-p", "7", "vllm", "serve", "{model}"}).fixed_port);
  EXPECT_EQ(facts_of_argv({"./watch", "-p", "7", "vllm", "serve", "--port", "8"}).fixed_port, 8);
  EXPECT_FALSE(facts_of_argv({"su", "-p", "7", "-c", "vllm serve m"}).fixed_port);
  EXPECT_EQ(facts_of_argv({"./serve.sh", "-p", "7"}).fixed_port, 7);
}

TEST(PlanReady, RefusesAUrlBesideThePortThatIsChosen) {
  const ArgvFacts facts = examine_argv({"vllm", "serve", "{model}", "--port", "{port}"});
  EXPECT_THROW((void)plan_ready(facts, 0, "http://127.0.0.1:8000/health"), ArgvError);
  EXPECT_NO_THROW((void)plan_ready(facts, 0, "http://127.0.0.1:{port}/health"));
  EXPECT_NO_THROW((void)plan_ready(facts, 8000, "http://127.0.0.1:8000/health"));
  EXPECT_NO_THROW((void)plan_ready(facts, 0, "http://unix:/tmp/s.sock:/health"));
}

TEST(Substitute, ReplacesPlaceholdersInsideWords) {
  const ArgvValues values{"/m", std::uint16_t{81}, std::uint64_t{4096}};
  EXPECT_EQ(substitute(Argv{"a", "--model={model}/x", "{port}{port}", "{max_model_len}"}, values),
            (Argv{"a", "--model=/m/x", "8181", "4096"}));
}

TEST(Substitute, LeavesOtherBracesAlone) {
  const ArgvValues values{"/m", std::nullopt, std::nullopt};
  EXPECT_EQ(substitute(R"({"level": 3, "x": {}} {modelx {)", values),
            R"({"level": 3, "x": {}} {modelx {)");
}

TEST(Substitute, DoesNotLookIntoWhatItPutIn) {
  const ArgvValues values{"/m/{port}/{model}", std::uint16_t{81}, std::nullopt};
  EXPECT_EQ(substitute("{model}", values), "/m/{port}/{model}");
}

TEST(Substitute, RefusesAPlaceholderWithoutAValue) {
  const ArgvValues values{"/m", std::nullopt, std::nullopt};
  EXPECT_THROW((void)substitute("{max_model_len}", values), ArgvError);
  EXPECT_THROW((void)substitute("{port}", values), ArgvError);
}

TEST(PlanReady, ChoosesAPortWhereTheCommandTakesOne) {
  const ReadyPlan plan = plan_ready(examine_argv({"s", "{model}", "{port}"}), 0, "");
  EXPECT_TRUE(plan.choose_port);
  EXPECT_EQ(plan.url, "http://127.0.0.1:{port}/health");
}

TEST(PlanReady, PrefersThePortThatTheUserGave) {
  const ReadyPlan plan = plan_ready(examine_argv({"s", "{model}", "{port}"}), 90, "");
  EXPECT_FALSE(plan.choose_port);
  EXPECT_EQ(plan.port, 90);
}

TEST(PlanReady, TakesTheFixedPortOfTheCommand) {
  const ReadyPlan plan = plan_ready(examine_argv({"s", "{model}", "--port", "91"}), 0, "");
  EXPECT_EQ(plan.port, 91);
  EXPECT_FALSE(plan.choose_port);
}

TEST(PlanReady, RefusesWhatCannotBeAsked) {
  EXPECT_THROW((void)plan_ready(examine_argv({"s", "{model}"}), 0, ""), ArgvError);
  EXPECT_THROW((void)plan_ready(examine_argv({"s", "{model}"}), 0, "http://h:{port}/"), ArgvError);
  EXPECT_THROW((void)plan_ready(examine_argv({"s", "{model}", "-p", "1"}), 2, ""), ArgvError);
}

TEST(PlanReady, NeedsNoPortWithAReadyUrl) {
  const ReadyPlan plan = plan_ready(examine_argv({"s", "{model}"}), 0, "http://127.0.0.1:9/up");
  EXPECT_FALSE(plan.port);
  EXPECT_EQ(plan.url, "http://127.0.0.1:9/up");
}

}  // namespace
}  // namespace coldload::server
