#include "server/server_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "server/address.h"
#include "server/program.h"
#include "unit/temporary_directory.h"

namespace coldload::server {
namespace {

using Argv = std::vector<std::string>;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ServerCommand read(const Argv& argv, const Environment& given = {}) {
  return read_command(argv, nullptr, given);
}

std::string url_of(const Argv& argv, const Environment& given = {}) {
  const ServerCommand command = read(argv, given);
  return address_of(*command.kind, command.settings).url;
}

TEST(ReadCommand, HandsLeadingVariablesToEnv) {
  const ServerCommand command = read({"A=1", "B_2=x=y", "vllm", "serve", "{model}"});
  EXPECT_EQ(command.argv, (Argv{"env", "A=1", "B_2=x=y", "vllm", "serve", "{model}"}));
  EXPECT_EQ(command.kind, &k_vllm);
  EXPECT_EQ(read({"./a=b", "{model}"}).argv.front(), "./a=b");
}

TEST(ReadCommand, TakesALineOfEnvsApartAsEnvDoes) {
  const Argv parts{"env", "A=x", "vllm", "serve", "{model}", "--port", "{port}"};
  EXPECT_EQ(read({"env", "-S", "A=x vllm serve {model} --port {port}"}).argv, parts);
  EXPECT_EQ(read({"env", "-SA=x  vllm", "serve", "{model}", "--port", "{port}"}).argv, parts);
  EXPECT_EQ(read({"env", "--split-string=A=x vllm serve {model}", "--port", "{port}"}).argv, parts);
  EXPECT_EQ(read({"nice", "env", "-u", "S", "-ivS", "B='a b' vllm", "serve"}).argv,
            (Argv{"nice", "env", "-u", "S", "-iv", "B=a b", "vllm", "serve"}));
  EXPECT_EQ(read({"env", "-S", "-S 'vllm serve' m"}).argv, (Argv{"env", "vllm", "serve", "m"}));
  EXPECT_EQ(read({"env", "vllm", "-S", "a b"}).argv, (Argv{"env", "vllm", "-S", "a b"}));
  EXPECT_EQ(read({"env", "-S", "A=x LLAMA_ARG_PORT=7 llama-server"}).kind, &k_llama_server);
}

TEST(ReadCommand, LeavesALineThatEnvWouldChangeAndSaysSo) {
  for (const char* const line : {"A=${HOME} vllm serve m", "vllm serve 'm", R"(vllm serve a\_b)"}) {
    const ServerCommand command = read({"env", "-S", line});
    EXPECT_EQ(command.argv, (Argv{"env", "-S", line}));
    ASSERT_EQ(command.remarks.size(), 1U) << line;
    EXPECT_THAT(command.remarks[0], HasSubstr("\"vllm serve\" is among the words of env"));
  }
}

TEST(ReadCommand, SaysWhatAWrapperDoesToAServer) {
  EXPECT_THAT(read({"mpirun", "-n", "1", "vllm", "serve", "m"}).remarks,
              ElementsAre(HasSubstr("other machines")));
}

TEST(ReadCommand, SaysWhatItDoesNotRecognise) {
  const ServerCommand shell = read({"bash", "-c", "exec vllm serve {model}"});
  ASSERT_EQ(shell.remarks.size(), 1U);
  EXPECT_THAT(shell.remarks[0], HasSubstr("shell line"));
  const ServerCommand script = read({"./start.sh", "vllm", "serve", "{model}"});
  ASSERT_EQ(script.remarks.size(), 1U);
  EXPECT_THAT(script.remarks[0], HasSubstr("\"vllm serve\" is among the words of start.sh"));
  EXPECT_THAT(read({"./start.sh", "{model}"}).remarks, IsEmpty());
}

TEST(ReadCommand, FindsAFlagAndItsValueInOneWord) {
  const ServerCommand command = read({"vllm", "serve", "{model}", "--api-key hunter2"});
  ASSERT_EQ(command.faults.size(), 1U);
  EXPECT_THAT(command.faults[0], HasSubstr("write two words"));
  EXPECT_THAT(command.faults[0], Not(HasSubstr("hunter2")));
  EXPECT_THAT(read({"vllm", "serve", "--chat-template={% if a %}", "say --port 80"}).faults,
              IsEmpty());
}

TEST(ReadCommand, FindsAShellsWords) {
  for (const char* const word : {"&&", "&", "|", "||", ";", ">", ">>", "2>&1", "&>", "2>", "<"}) {
    const ServerCommand command = read({"vllm", "serve", "m", word, "x"});
    ASSERT_EQ(command.faults.size(), 1U) << word;
    EXPECT_THAT(command.faults[0], HasSubstr("a shell's word"));
  }
  EXPECT_THAT(read({"vllm", "serve", "m", "--x", "a&b", "<|im_end|>"}).faults, IsEmpty());
}

TEST(ReadCommand, FindsALineInOneWord) {
  for (const char* const line : {"vllm serve m --port 1", "CUDA_VISIBLE_DEVICES=0 vllm serve m"}) {
    const ServerCommand command = read({line});
    EXPECT_EQ(command.argv, Argv{line});
    EXPECT_THAT(command.faults, ElementsAre(HasSubstr("one word with blanks in it")));
  }
  EXPECT_THAT(read({"/opt/my server/start"}).faults, IsEmpty());
}

class ConfigFile : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file(const std::string& text) const {
    const std::string path = folder_.path() + "/serve.yaml";
    os::replace_text(path, text);
    return path;
  }
  [[nodiscard]] ServerCommand with(const std::string& text, const Argv& more = {}) const {
    Argv argv{"vllm", "serve", "{model}", "--config", file(text)};
    argv.insert(argv.end(), more.begin(), more.end());
    return read(argv);
  }
  [[nodiscard]] std::string fault_of(const std::string& text) const {
    const std::vector<std::string> faults = with(text).faults;
    return faults.empty() ? "" : faults.front();
  }

  TemporaryDirectory folder_{"coldload-config"};
};

TEST_F(ConfigFile, SaysWhatFlagsWouldSay) {
  const ServerCommand command = with(
      "port: 6379\nmax_model_len: 4k\nenforce-eager: true\nenable-x: false\n"
      "served-model-name: [a, b]\nmodel-loader-extra-config: {\"concurrency\": 16}\n"
      "host: 'true'\n");
  EXPECT_THAT(command.faults, IsEmpty());
  EXPECT_EQ(flag_value(command.settings, {"--port"}), "6379");
  EXPECT_EQ(flag_value(command.settings, {"--max-model-len"}), "4k");
  EXPECT_TRUE(has_flag(command.settings, {"--enforce-eager"}));
  EXPECT_FALSE(has_flag(command.settings, {"--enable-x"}));
  EXPECT_EQ(flag_value(command.settings, {"--served-model-name"}), "a");
  EXPECT_TRUE(has_flag(command.settings, {"--model-loader-extra-config"}));
  EXPECT_EQ(flag_value(command.settings, {"--host"}), "true");
}

TEST_F(ConfigFile, TheCommandsOwnFlagsWinOverIt) {
  const ServerCommand command = with("port: 6379\n", {"--port", "{port}"});
  EXPECT_EQ(flag_value(command.settings, {"--port"}), "{port}");
}

TEST_F(ConfigFile, IsAFaultWhereItCannotBeRead) {
  EXPECT_THAT(fault_of("port: [1\n"), HasSubstr("as YAML"));
  EXPECT_THAT(fault_of("- port\n"), HasSubstr("no mapping"));
  EXPECT_THAT(fault_of("[a]: 1\n"), HasSubstr("no plain word"));
  EXPECT_THAT(fault_of(std::string((1 << 20) + 1, ' ')), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(fault_of(std::string(1 << 20, '[')), HasSubstr("as YAML"));
  EXPECT_EQ(fault_of(""), "");
  EXPECT_THAT(read({"vllm", "serve", "m", "--config", "/no/such.yaml"}).faults[0],
              HasSubstr("/no/such.yaml"));
  EXPECT_THAT(read({"vllm", "serve", "m", "--config", "/dev/zero"}).faults[0],
              HasSubstr("no regular file"));
}

TEST_F(ConfigFile, AliasesOfAliasesCostNothing) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) bomb += "*a" + std::to_string(i - 1) + ", ";
    bomb += "]\n";
  }
  EXPECT_LT(with(bomb + "port: 7\n").settings.size(), 1000U);
}

TEST_F(ConfigFile, JoinedByAnEqualsSignItMayBeIgnored) {
  const ServerCommand command =
      read({"vllm", "serve", "{model}", "--config=" + file("port: 6379\n")});
  EXPECT_FALSE(flag_value(command.settings, {"--port"}));
  ASSERT_EQ(command.faults.size(), 1U);
  EXPECT_THAT(command.faults[0], HasSubstr("two words"));
}

TEST(ReadCommand, VariablesSayWhatFlagsDoNot) {
  EXPECT_EQ(flag_value(read({"env", "LLAMA_ARG_PORT=18081", "llama-server"}).settings, {"--port"}),
            "18081");
  EXPECT_EQ(
      flag_value(read({"LLAMA_ARG_PORT=1", "llama-server", "--port", "2"}).settings, {"--port"}),
      "2");
  EXPECT_EQ(flag_value(read({"text-generation-launcher"}, {{"PORT", "3"}}).settings, {"--port"}),
            "3");
}

TEST(AddressOf, IsWhereTheServerListens) {
  EXPECT_EQ(url_of({"vllm", "serve", "m"}), "http://127.0.0.1:{port}/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--host", "0.0.0.0"}), "http://127.0.0.1:{port}/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--host=10.0.0.7"}), "http://10.0.0.7:{port}/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--host", "::1"}), "http://[::1]:{port}/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--root-path", "/x"}), "http://127.0.0.1:{port}/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--ssl-certfile", "c"}),
            "https://127.0.0.1:{port}/health");
  EXPECT_EQ(url_of({"vllm", "serve", "m", "--uds", "/tmp/s"}), "http://unix:/tmp/s:/health");
  EXPECT_EQ(url_of({"llama-server", "--host", "/tmp/l.sock"}), "http://unix:/tmp/l.sock:/health");
  EXPECT_EQ(url_of({"llama-server", "--api-prefix", "/llm/"}),
            "http://127.0.0.1:{port}/llm/health");
  EXPECT_EQ(url_of({"env", "LLAMA_ARG_HOST=127.0.0.2", "llama-server"}),
            "http://127.0.0.2:{port}/health");
  EXPECT_EQ(url_of({"text-generation-launcher"}, {{"HOSTNAME", "abc"}}),
            "http://127.0.0.1:{port}/health");
}

TEST(WhyNotStartable, NamesTheProgramThatIsNotThere) {
  const auto why = [](const Argv& argv) { return why_not_startable(argv, look_through(argv)); };
  EXPECT_EQ(why({"sh", "-c", "x"}), "");
  EXPECT_THAT(why({"no-such-program"}), HasSubstr("no-such-program: it is in no folder of PATH"));
  EXPECT_THAT(why({"/etc/passwd"}), HasSubstr("no file that may be executed"));
  EXPECT_THAT(why({"/no/such"}), HasSubstr("not there"));
  EXPECT_THAT(why({"nice", "-n", "5", "no-such-program"}), HasSubstr("no-such-program"));
  EXPECT_EQ(why({"env", "PATH=/opt/x", "no-such-program"}), "");
  EXPECT_EQ(why({"env", "-C", "/opt/x", "./no-such-program"}), "");
  EXPECT_EQ(why({"env", "--chdir=/opt/x", "./no-such-program"}), "");
  EXPECT_EQ(why({"{model}/serve"}), "");
}

}  // namespace
}  // namespace coldload::server
