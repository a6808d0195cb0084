#include "run/plan.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/argv.h"

namespace coldload::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunRequest of(const std::vector<std::string>& command) {
  RunRequest request;
  request.command = command;
  request.path = "/models/a";
  return request;
}

std::string url_of(const std::vector<std::string>& command) {
  const RunPlan plan = plan_run(of(command));
  return plan.options.ready_url ? plan.options.ready_url->text : "";
}

std::string refusal_of(const RunRequest& request) {
  try {
    (void)plan_run(request);
  } catch (const server::ArgvError& error) {
    return error.what();
  }
  return "";
}

TEST(RunPlan, FillsInWhatTheServerIsToServe) {
  const RunPlan plan = plan_run(of({"serve", "{model}", "--port", "8001"}));
  EXPECT_THAT(plan.options.argv, ElementsAre("serve", "/models/a", "--port", "8001"));
  EXPECT_EQ(plan.options.reader.back(), "/models/a");
  EXPECT_FALSE(plan.options.copy);
  EXPECT_TRUE(plan.options.must_be_ours);
}

TEST(RunPlan, AsksWhereTheServerListens) {
  EXPECT_EQ(url_of({"serve", "--port", "8001"}), "http://127.0.0.1:8001/health");
  EXPECT_EQ(url_of({"serve", "--port=1", "--host", "127.0.0.2"}), "http://127.0.0.2:1/health");
  EXPECT_EQ(url_of({"serve", "--port=1", "--host", "0.0.0.0"}), "http://127.0.0.1:1/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m"}), "http://127.0.0.1:8000/health");
  EXPECT_EQ(url_of({"serve", "--port=1", "--ssl-keyfile", "k"}), "https://127.0.0.1:1/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--uds", "/tmp/s"}), "http://unix:/tmp/s:/health");
}

TEST(RunPlan, AsksNowhereWhereNobodyCanTell) {
  EXPECT_EQ(url_of({"serve"}), "");
  EXPECT_EQ(url_of({"serve", "--port=1", "--host", "gpu7"}), "");
  // Not at the default port, either.
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--port", "$PORT"}), "");
}

TEST(RunPlan, SaysWhyItAsksNowhere) {
  const auto why = [](const std::vector<std::string>& command) {
    return plan_run(of(command)).why_not_asked;
  };
  EXPECT_THAT(why({"serve"}), HasSubstr("no port"));
  EXPECT_THAT(why({"vllm", "serve", "m", "--port", "$PORT"}), HasSubstr("no port"));
  EXPECT_THAT(why({"serve", "--port=1", "--host", "gpu7"}), HasSubstr("gpu7"));
  EXPECT_EQ(why({"vllm", "serve", "m"}), "");
}

TEST(RunPlan, TellsTheReaderHowMuchOfTheGpusMemoryTheServerTakes) {
  const auto share = [](const std::vector<std::string>& command) {
    const std::vector<std::string> reader = plan_run(of(command)).options.reader;
    const auto flag = std::find(reader.begin(), reader.end(), "--memory-share");
    return flag == reader.end() ? "" : *(flag + 1);
  };
  EXPECT_EQ(share({"vllm", "serve", "m"}), "0.92");
  EXPECT_EQ(share({"vllm", "serve", "m", "--gpu_memory_utilization=0.5"}), "0.5");
  EXPECT_EQ(share({"sglang", "serve", "--mem-fraction-static", "0.8"}), "0.8");
  EXPECT_EQ(share({"sglang", "serve"}), "");
  EXPECT_EQ(share({"llama-server", "-m", "m"}), "");
  for (const char* const none : {"x", "0", "1.5", "nan", ""}) {
    EXPECT_EQ(share({"vllm", "serve", "m", "--gpu-memory-utilization", none}), "") << none;
  }
}

TEST(RunPlan, TellsTheReaderWhichCopyOfTheWeightsTheServerTakes) {
  const auto preferred = [](const std::vector<std::string>& command) {
    const std::vector<std::string> reader = plan_run(of(command)).options.reader;
    const auto flag = std::find(reader.begin(), reader.end(), "--prefer");
    return flag == reader.end() ? "" : *(flag + 1);
  };
  EXPECT_EQ(preferred({"vllm", "serve", "m"}), "consolidated*.safetensors");
  EXPECT_EQ(preferred({"vllm", "serve", "m", "--load-format", "safetensors"}), "");
  EXPECT_EQ(preferred({"sglang", "serve"}), "");
}

TEST(RunPlan, KeepsTheModelAsItIsWritten) {
  RunRequest request = of({"vllm", "serve", "{model}"});
  request.path = "org/model";
  EXPECT_THAT(plan_run(request).options.argv_as_written, ElementsAre("vllm", "serve", "org/model"));
  request.path = "";
  EXPECT_THAT(plan_run(request).options.argv, ElementsAre("vllm", "serve", ""));
}

TEST(RunPlan, TakesAReadyUrlOfThisMachineAlone) {
  RunRequest request = of({"serve"});
  request.ready_url = "http://localhost:7/x";
  EXPECT_FALSE(plan_run(request).options.must_be_ours);
  request.ready_url = "http://gpu7:7/x";
  EXPECT_THAT(refusal_of(request), HasSubstr("the server runs here"));
  request.ready_url = "ftp://localhost";
  EXPECT_THAT(refusal_of(request), HasSubstr("http://"));
}

TEST(RunPlan, TheCopyIsServedByTheSameCommand) {
  RunRequest request = of({"vllm", "serve", "{model}"});
  request.copy = "/fast/a";
  RunPlan plan = plan_run(request);
  ASSERT_TRUE(plan.options.copy);
  EXPECT_THAT(plan.options.copy->argv, ElementsAre("vllm", "serve", "/fast/a"));
  EXPECT_EQ(plan.options.reader.back(), "/fast/a");
  EXPECT_TRUE(plan.name_follows_directory);
  request.command.insert(request.command.end(), {"--served-model-name", "m"});
  EXPECT_FALSE(plan_run(request).name_follows_directory);
  request.command = {"vllm", "serve", "/models/a"};
  EXPECT_THAT(refusal_of(request), HasSubstr("{model}"));
}

TEST(RunPlan, ReaderAndCopierAreToldWhichFilesAreTheWeights) {
  RunRequest request = of({"serve", "{model}"});
  request.copy = "/fast/a";
  request.weights = "consolidated*";
  const RunPlan plan = plan_run(request);
  EXPECT_THAT(plan.options.reader, ElementsAre("/proc/self/exe", "read-ahead", "--weights",
                                               "consolidated*", "/models/a", "/fast/a"));
  EXPECT_THAT(plan.options.copy->copier,
              ElementsAre("/proc/self/exe", "read-ahead", "--copy", "--weights", "consolidated*",
                          "/models/a", "/fast/a"));
}

TEST(RunPlan, OfAFilesCopyTheFirstPartIsServed) {
  RunRequest request = of({"llama-server", "-m", "{model}"});
  request.path = "/models/a.gguf";
  request.copy = "/fast/a";
  EXPECT_EQ(plan_run(request).options.copy->argv.back(), "/fast/a/a.gguf");
  request.path = "/models/a-00002-of-00002.gguf";
  EXPECT_EQ(plan_run(request).options.copy->argv.back(), "/fast/a/a-00001-of-00002.gguf");
}

TEST(RunPlan, KnowsNoContextLength) {
  EXPECT_THAT(refusal_of(of({"serve", "{max_model_len}"})), HasSubstr("write the number"));
}

}  // namespace
}  // namespace coldload::run
