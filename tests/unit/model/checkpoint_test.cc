#include "model/checkpoint.h"

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "model/file_names.h"
#include "model/headers.h"
#include "model/summary.h"
#include "unit/model/scratch.h"

namespace coldload::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr const char* k_index = "model.safetensors.index.json";

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const CheckpointFile& file : checkpoint.files) {
    names.push_back(std::string(to_string(file.kind)) + ' ' + file.name);
  }
  return names;
}

class CheckpointTest : public ::testing::Test {
 protected:
  // What opening, or else reading the headers, says about what lies in the folder.
  [[nodiscard]] std::string refusal() const {
    return error_of([&] { static_cast<void>(read_headers(open_checkpoint(scratch_.path()), 2)); });
  }

  Scratch scratch_;
};

TEST_F(CheckpointTest, ListsFilesInEvictionOrderAndCountsOnlyShardsAsWeights) {
  scratch_.write("tokenizer.json", "{}");
  scratch_.write("config.json", "{}");
  scratch_.write(k_index, R"({"weight_map":{"w":"b.safetensors","v":"a.safetensors"}})");
  scratch_.write("b.safetensors", "1234567890");
  scratch_.write("a.safetensors", "12345");
  scratch_.write("spare.safetensors", "123");
  scratch_.write("README.md", "x");
  scratch_.write(".hidden.safetensors", "x");
  scratch_.make_directory("original");
  const Checkpoint checkpoint = open_checkpoint(scratch_.path());
  EXPECT_THAT(names_of(checkpoint),
              ElementsAre("shard a.safetensors", "shard b.safetensors", "weights spare.safetensors",
                          "config config.json", "tokenizer tokenizer.json",
                          std::string("index ") + k_index, "other README.md"));
  EXPECT_EQ(checkpoint.weight_bytes(), 15U);
  EXPECT_THAT(checkpoint.indices, ElementsAre(k_index));
  EXPECT_EQ(checkpoint.format, Format::safetensors);
  EXPECT_THAT(checkpoint.remarks,
              ElementsAre("spare.safetensors is not in the index: not counted as weights"));
}

TEST_F(CheckpointTest, IsWantedSmallFilesFirstAndWithoutWhatTheIndexLeavesOut) {
  scratch_.write("config.json", "{}");
  scratch_.write("tokenizer.json", "{}");
  scratch_.write(k_index, R"({"weight_map":{"w":"b.safetensors","v":"a.safetensors"}})");
  for (const char* name : {"b.safetensors", "a.safetensors", "spare.safetensors"}) {
    scratch_.write(name, "123");
  }
  EXPECT_THAT(open_checkpoint(scratch_.path()).paths_as_wanted(),
              ElementsAre(scratch_.path("config.json"), scratch_.path("tokenizer.json"),
                          scratch_.path(k_index), scratch_.path("a.safetensors"),
                          scratch_.path("b.safetensors")));
}

TEST_F(CheckpointTest, WithoutAnIndexEveryShardCounts) {
  scratch_.write("b.safetensors", one_tensor());
  scratch_.write("a.safetensors", one_tensor());
  const Checkpoint checkpoint = open_checkpoint(scratch_.path() + "/./");
  EXPECT_EQ(checkpoint.path, scratch_.path());
  EXPECT_THAT(names_of(checkpoint), ElementsAre("shard a.safetensors", "shard b.safetensors"));
  const std::vector<ShardHeader> headers = read_headers(checkpoint, 4);
  ASSERT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers[0].path(), scratch_.path("a.safetensors"));
  const Summary summary = summarize(headers);
  EXPECT_EQ(summary.tensors, 2U);
  EXPECT_EQ(summary.tensor_bytes, 8U);
  EXPECT_EQ(summary.dtypes[static_cast<std::size_t>(Dtype::f32)].tensors, 2U);
  EXPECT_EQ(summary.largest, headers[0].tensors().data());
}

TEST_F(CheckpointTest, FollowsTheLinksOfAHubSnapshot) {
  for (const char* directory :
       {"models--org--llama-1b", "models--org--llama-1b/blobs", "models--org--llama-1b/snapshots",
        "models--org--llama-1b/snapshots/0123abc"}) {
    scratch_.make_directory(directory);
  }
  scratch_.write("models--org--llama-1b/blobs/f00", one_tensor());
  scratch_.write("models--org--llama-1b/blobs/ba5", "{}");
  scratch_.link("../../blobs/f00", "models--org--llama-1b/snapshots/0123abc/model.safetensors");
  scratch_.link("../../blobs/ba5", "models--org--llama-1b/snapshots/0123abc/config.json");
  const Checkpoint checkpoint =
      open_checkpoint(scratch_.path("models--org--llama-1b/snapshots/0123abc"));
  EXPECT_EQ(checkpoint.name, "llama-1b");
  ASSERT_EQ(checkpoint.files.size(), 2U);
  EXPECT_TRUE(checkpoint.files[0].is_symlink);
  EXPECT_EQ(checkpoint.files[0].name, "model.safetensors");
  EXPECT_EQ(checkpoint.files[0].real_path, scratch_.path("models--org--llama-1b/blobs/f00"));
  EXPECT_EQ(checkpoint.files[0].bytes, one_tensor().size());
}

TEST_F(CheckpointTest, ResolvesEveryFolder) {
  for (const char* directory : {"elsewhere", "elsewhere/vae", "model", "model/text"}) {
    scratch_.make_directory(directory);
  }
  scratch_.write("elsewhere/vae/config.json", "{}");
  scratch_.write("elsewhere/model.safetensors", one_tensor());
  scratch_.write("model/text/config.json", "{}");
  scratch_.link("../elsewhere/vae", "model/vae");
  scratch_.link("../elsewhere/model.safetensors", "model/model.safetensors");
  scratch_.write("model/tokenizer.json", "{}");
  scratch_.link("model", "link");
  EXPECT_THAT(open_checkpoint(scratch_.path("link")).real_paths(),
              UnorderedElementsAre(scratch_.path("elsewhere/model.safetensors"),
                                   scratch_.path("elsewhere/vae/config.json"),
                                   scratch_.path("model/text/config.json"),
                                   scratch_.path("model/tokenizer.json")));
}

TEST_F(CheckpointTest, AGgufFileIsCountedAndNotParsed) {
  const std::string path = scratch_.write("m.Q4.gguf", "not parsed");
  const Checkpoint checkpoint = open_checkpoint(path);
  EXPECT_EQ(checkpoint.format, Format::gguf);
  EXPECT_EQ(checkpoint.name, "m.Q4");
  EXPECT_EQ(checkpoint.path, path);
  EXPECT_EQ(checkpoint.weight_bytes(), 10U);
  EXPECT_TRUE(read_headers(checkpoint, 2).empty());
  EXPECT_EQ(open_checkpoint(scratch_.path()).weight_bytes(), 10U);
  scratch_.write("m.Q8.gguf", "another");
  EXPECT_THAT(refusal(), HasSubstr("pass the file of one: m.Q4.gguf, m.Q8.gguf"));
}

TEST_F(CheckpointTest, ASplitGgufIsAllItsParts) {
  scratch_.write("m-00001-of-00002.gguf", "123");
  const std::string second = scratch_.path("m-00002-of-00002.gguf");
  EXPECT_THAT(
      error_of([&] { static_cast<void>(open_checkpoint(scratch_.path("m-00001-of-00002.gguf"))); }),
      HasSubstr(second));
  scratch_.write("m-00002-of-00002.gguf", "4567");
  EXPECT_EQ(open_checkpoint(second).weight_bytes(), 7U);
}

TEST_F(CheckpointTest, RefusesPathsThatAreNoCheckpoint) {
  const auto refuses = [&](const std::string& path) {
    return error_of([&] { static_cast<void>(open_checkpoint(path)); });
  };
  EXPECT_THAT(refuses(""), HasSubstr("empty path"));
  EXPECT_THAT(refuses(scratch_.path("missing")), HasSubstr("No such file"));
  EXPECT_THAT(refuses(scratch_.path()), HasSubstr("holds no weights"));
  EXPECT_THAT(refuses(scratch_.write("m.bin", "x")), HasSubstr("one .gguf file"));
  EXPECT_THAT(refuses(scratch_.write("m.safetensors", "x")), HasSubstr("one .gguf file"));
  EXPECT_THAT(refuses("/dev/zero"), HasSubstr("a character device"));
  scratch_.link("/dev/zero", "zero.gguf");
  EXPECT_THAT(refuses(scratch_.path("zero.gguf")), HasSubstr("a character device"));
  scratch_.link("loop.gguf", "loop.gguf");
  EXPECT_THAT(refuses(scratch_.path("loop.gguf")), HasSubstr("leads back to itself"));
  scratch_.link("gone", "dangling");
  EXPECT_THAT(refuses(scratch_.path("dangling")), HasSubstr("a link to gone, which is not there"));
}

TEST_F(CheckpointTest, RefusesAShardThatIsNoRegularFileWithoutOpeningIt) {
  const std::string shard = scratch_.path("m.safetensors");
  const auto check = [&](const char* cause) {
    EXPECT_THAT(refusal(), ::testing::AllOf(HasSubstr(shard), HasSubstr(cause)));
    EXPECT_EQ(std::remove(shard.c_str()), 0);
  };
  ASSERT_EQ(::mkfifo(shard.c_str(), 0644), 0);
  check("a FIFO");
  scratch_.make_directory("m.safetensors");
  check("a directory");
  scratch_.link("/dev/zero", "m.safetensors");
  check("a character device");
  scratch_.link("m.safetensors", "m.safetensors");
  check("leads back to itself");
  scratch_.link("blobs/f00", "m.safetensors");
  check("a link to blobs/f00, which is not there");
  const os::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, shard.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  check("a socket");
}

TEST_F(CheckpointTest, RefusesAnIndexThatIsNotWhatItShouldBe) {
  scratch_.write("a.safetensors", one_tensor());
  const std::vector<std::pair<std::string, std::string>> bad{
      {"", "ends in the middle"},
      {"x", "not valid JSON"},
      {"\xEF\xBB\xBF{\"weight_map\":{}}", "byte order mark"},
      {"{}", "has no weight_map"},
      {"[]", "is no JSON object"},
      {"7 ", "is no JSON object"},
      {R"({"weight_map":{}})", "empty weight_map"},
      {R"({"weight_map":[]})", "weight_map that is no object"},
      {R"({"weight_map":null})", "weight_map that is no object"},
      {R"({"weight_map":"a.safetensors"})", "weight_map that is no object"},
      {R"({"weight_map":{"w":"a.safetensors"},"weight_map":{}})", "two weight_map"},
      {R"({"metadata":{"weight_map":{"w":"a.safetensors"}}})", "has no weight_map"},
      {R"({"weight_map":{"w":1}})", R"(tensor "w" a shard that is not a string)"},
      {R"({"weight_map":{"w":null}})", R"(tensor "w" a shard that is not a string)"},
      {R"({"weight_map":{"w":["a.safetensors"]}})", R"(tensor "w" a shard that is not a string)"},
      {R"({"weight_map":{"w":{"a":"a"}}})", R"(tensor "w" a shard that is not a string)"},
      {R"({"weight_map":{"w":"/etc/passwd"}})", R"("/etc/passwd", which is no file below)"},
      {R"({"weight_map":{"w":"../a.safetensors"}})", R"("../a.safetensors", which is no file)"},
      {R"({"weight_map":{"w":"sub/../a.safetensors"}})", "no file below"},
      {R"({"weight_map":{"w":"sub//a.safetensors"}})", "no file below"},
      {R"({"weight_map":{"w":"sub/a.safetensors"}})", "shard sub/a.safetensors, which is not"},
      {R"({"weight_map":{"w":".."}})", "no file below"},
      {R"({"weight_map":{"w":""}})", "no file below"},
      {R"({"weight_map":{"w":"a\u0000b"}})", "no file below"},
      {R"({"weight_map":{"w":")" + std::string(300, 'a') + R"("}})", "no file below"},
      {R"({"weight_map":{"w":"b.safetensors"}})", "names the shard b.safetensors, which is not"},
      {R"({"weight_map":{"w":"a.safetensors"}} x)", "more than its JSON"},
      {R"({"weight_map":{"w":"a.safetensors")", "ends in the middle"},
      {"{\"weight_map\":{\"w\":\"\xFF\"}}", "not valid JSON"},
      {"{\"x\":" + std::string(1000, '['), "too deep"},
      {R"({"weight_map":{"v":"a.safetensors"}})",
       R"(places tensor "v" in it, but its header has none)"},
  };
  for (const auto& [content, message] : bad) {
    scratch_.write(k_index, content);
    EXPECT_THAT(refusal(), ::testing::AllOf(HasSubstr(message), HasSubstr(k_index))) << content;
  }
}

TEST_F(CheckpointTest, RefusesAnIndexThatIsNoRegularFile) {
  scratch_.write("a.safetensors", one_tensor());
  scratch_.link("/dev/zero", k_index);
  EXPECT_THAT(refusal(), HasSubstr("a character device"));
  std::remove(scratch_.path(k_index).c_str());
  scratch_.make_directory(k_index);
  EXPECT_THAT(refusal(), HasSubstr("a directory"));
  std::remove(scratch_.path(k_index).c_str());
  scratch_.link("nowhere", k_index);
  EXPECT_THAT(refusal(), HasSubstr("a link to nowhere"));
}

TEST_F(CheckpointTest, AShardThatTheIndexNamesIsRefusedInTheNameOfBoth) {
  scratch_.write(k_index, R"({"weight_map":{"w":"a.safetensors"}})");
  scratch_.link("gone", "a.safetensors");
  EXPECT_THAT(refusal(), ::testing::AllOf(HasSubstr(scratch_.path("a.safetensors")),
                                          HasSubstr(scratch_.path(k_index))));
}

TEST_F(CheckpointTest, AnUnusableSmallFileIsARemarkAndNoError) {
  scratch_.write("m.safetensors", one_tensor());
  scratch_.link("gone", "config.json");
  const Checkpoint checkpoint = open_checkpoint(scratch_.path());
  ASSERT_EQ(checkpoint.remarks.size(), 1U);
  EXPECT_THAT(checkpoint.remarks[0], HasSubstr("config.json is left out"));
}

TEST_F(CheckpointTest, NamesTheFirstBadShardWhateverTheThreads) {
  for (int i = 10; i < 40; ++i) {
    scratch_.write("m" + std::to_string(i) + ".safetensors", i >= 20 ? "short" : one_tensor());
  }
  for (const unsigned threads : {1U, 2U, 8U, 100U}) {
    EXPECT_THAT(error_of([&] {
                  static_cast<void>(read_headers(open_checkpoint(scratch_.path()), threads));
                }),
                HasSubstr("m20.safetensors"));
  }
}

TEST(CheckpointName, IsWhatPeopleCallTheModel) {
  EXPECT_EQ(checkpoint_name("/models/llama"), "llama");
  EXPECT_EQ(checkpoint_name("/hub/models--org--llama/snapshots/abc"), "llama");
  EXPECT_EQ(checkpoint_name("/hub/models--gpt2/snapshots/abc"), "gpt2");
  EXPECT_EQ(checkpoint_name("/models/snapshots/abc"), "abc");
  EXPECT_EQ(checkpoint_name("/models/m.gguf"), "m");
  EXPECT_EQ(checkpoint_name("/"), "checkpoint");
}

TEST(GgufSiblings, AreNamedAsLlamaCppSplits) {
  EXPECT_THAT(gguf_siblings("m.gguf"), ElementsAre("m.gguf"));
  EXPECT_THAT(gguf_siblings("m-00002-of-00002.gguf"),
              ElementsAre("m-00001-of-00002.gguf", "m-00002-of-00002.gguf"));
  EXPECT_THAT(gguf_siblings("m-00003-of-00002.gguf"), ElementsAre("m-00003-of-00002.gguf"));
  EXPECT_THAT(gguf_siblings("m-0000x-of-00002.gguf"), ElementsAre("m-0000x-of-00002.gguf"));
  EXPECT_THAT(gguf_siblings("-00001-of-00001.gguf"), ElementsAre("-00001-of-00001.gguf"));
}

TEST(KindOfSmallFile, KnowsConfigAndTokenizerFilesOnly) {
  EXPECT_EQ(kind_of_small_file("generation_config.json"), FileKind::config);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "tokenizer.model",
                           "vocab.json", "merges.txt", "chat_template.jinja"}) {
    EXPECT_EQ(kind_of_small_file(name), FileKind::tokenizer) << name;
  }
  EXPECT_EQ(kind_of_small_file("README.md"), std::nullopt);
  EXPECT_EQ(kind_of_small_file("tokenizer.py"), std::nullopt);
}

}  // namespace
}  // namespace coldload::model
