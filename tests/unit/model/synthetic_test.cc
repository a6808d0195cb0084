#include "model/synthetic.h"

#include <bit>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "model/checkpoint.h"
#include "model/headers.h"
#include "model/llama_files.h"
#include "model/random_weights.h"
#include "model/shard_writer.h"
#include "os/file.h"
#include "text/json.h"
#include "unit/model/scratch.h"

namespace coldload::model {
namespace {

using ::testing::HasSubstr;

SyntheticOptions options_for(const std::string& directory) {
  SyntheticOptions options;
  options.directory = directory;
  options.bytes = 3'000'000;
  options.shards = 3;
  options.seed = 7;
  options.threads = 2;
  return options;
}

std::uint64_t entries(const std::string& directory) {
  return static_cast<std::uint64_t>(std::distance(std::filesystem::directory_iterator(directory),
                                                  std::filesystem::directory_iterator()));
}

TEST(LlamaShape, ComesWithinTwoPercentOfAnySize) {
  for (double bytes = 1e6; bytes < 2e12; bytes *= 1.03) {
    const auto wanted = static_cast<std::uint64_t>(bytes);
    const LlamaShape shape = choose_llama_shape(wanted);
    EXPECT_NEAR(static_cast<double>(weight_bytes(shape)) / bytes, 1, 0.02) << wanted;
    EXPECT_GE(shape.vocabulary, 258U);
    EXPECT_EQ(shape.heads * shape.head_dim, shape.hidden);
    EXPECT_EQ(shape.heads % shape.kv_heads, 0U);
  }
}

TEST(LlamaShape, ItsTensorsTakeItsBytes) {
  const LlamaShape shape = choose_llama_shape(2'000'000'000);
  std::uint64_t bytes = 0;
  for (const LlamaTensor& tensor : llama_tensors(shape)) bytes += tensor.bytes();
  EXPECT_EQ(bytes, weight_bytes(shape));
}

TEST(LlamaShape, HasATensorForEveryShard) {
  EXPECT_GE(llama_tensors(choose_llama_shape(64'000'000, 1000)).size(), 1000U);
}

TEST(SplitTensors, KeepsOrderAndLeavesNoShardEmpty) {
  const std::vector<LlamaTensor> tensors = llama_tensors(choose_llama_shape(20'000'000));
  for (std::uint64_t shards = 1; shards <= tensors.size(); ++shards) {
    const auto groups = split_tensors(tensors, shards);
    ASSERT_EQ(groups.size(), shards);
    std::size_t next = 0;
    for (const auto& group : groups) {
      EXPECT_FALSE(group.empty());
      for (const LlamaTensor& tensor : group) EXPECT_EQ(tensor.name, tensors[next++].name);
    }
    EXPECT_EQ(next, tensors.size());
  }
}

TEST(SplitTensors, MakesShardsOfAboutTheSameSize) {
  const auto groups = split_tensors(llama_tensors(choose_llama_shape(16'000'000'000)), 8);
  for (const auto& group : groups) {
    double bytes = 0;
    for (const LlamaTensor& tensor : group) bytes += static_cast<double>(tensor.bytes());
    EXPECT_NEAR(bytes / 2e9, 1, 0.1);
  }
}

TEST(RandomWeightsTest, AreNormalAndNeverTheSameTwice) {
  const RandomWeights weights(1);
  std::vector<std::uint16_t> values(1 << 20);
  weights.fill(values, 0);
  double sum = 0;
  double squares = 0;
  for (const std::uint16_t value : values) {
    const auto real = static_cast<double>(std::bit_cast<float>(std::uint32_t{value} << 16U));
    ASSERT_TRUE(std::isfinite(real));
    ASSERT_LT(std::abs(real), 0.1);
    sum += real;
    squares += real * real;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 1e-4);
  EXPECT_NEAR(std::sqrt(squares / count), 0.02, 1e-4);

  std::vector<std::uint16_t> other(values.size());
  weights.fill(other, 1);
  EXPECT_NE(values, other);
  RandomWeights(2).fill(other, 0);
  EXPECT_NE(values, other);
  weights.fill(other, 0);
  EXPECT_EQ(values, other);
}

TEST(ShardWriterTest, NothingShowsWhereOneChunkEndsAndTheNextBegins) {
  const Scratch scratch;
  constexpr std::uint64_t k_chunk = std::uint64_t{4} << 20;  // elements
  ShardWriter writer(3);
  writer.add({{"a", {k_chunk - 10}, false},
              {"ones across the border", {30}, true},
              {"b", {k_chunk + 100}, false}});
  writer.write(scratch.path(), 2, nullptr);
  const std::string file = os::read_text(scratch.path("model.safetensors"));
  ASSERT_EQ(file.size(), writer.total_bytes());
  std::string ones;
  for (int i = 0; i < 30; ++i) ones += "\x80\x3F";
  EXPECT_EQ(file.find(ones), file.size() - 2 * (k_chunk + 100) - ones.size());
  constexpr std::size_t k_sample = 4096;
  const std::string start = file.substr(file.size() - 2 * (2 * k_chunk + 120), k_sample);
  EXPECT_EQ(file.find(start, file.find(start) + 1), std::string::npos);
  const std::size_t second = file.size() - 2 * (k_chunk + 100) + 2000;
  EXPECT_EQ(file.substr(0, second).find(file.substr(second, 64)), std::string::npos);
}

TEST(Synthetic, IsAValidCheckpointOfTheSizeSaid) {
  const Scratch scratch;
  const SyntheticResult result = write_synthetic(options_for(scratch.path("m")));
  const Checkpoint checkpoint = open_checkpoint(scratch.path("m"));
  EXPECT_EQ(result.directory, checkpoint.path);
  EXPECT_EQ(checkpoint.weight_bytes(), result.weight_bytes);
  EXPECT_NEAR(static_cast<double>(result.weight_bytes), 3e6, 6e4);
  EXPECT_EQ(checkpoint.shards().size(), 3U);
  EXPECT_EQ(checkpoint.shards()[0]->name, "model-00001-of-00003.safetensors");
  EXPECT_EQ(checkpoint.indices.size(), 1U);
  EXPECT_EQ(checkpoint.files.size(), 3U + 4U + 1U);
  std::uint64_t tensors = 0;
  for (const ShardHeader& header : read_headers(checkpoint, 2)) {
    EXPECT_EQ(header.data_begin() % 8, 0U);
    for (const Tensor& tensor : header.tensors()) {
      ++tensors;
      EXPECT_EQ(tensor.dtype, Dtype::bf16);
    }
  }
  EXPECT_EQ(tensors, result.tensors);
}

TEST(Synthetic, NormsAreOneAndNothingElseIsConstant) {
  const Scratch scratch;
  write_synthetic(options_for(scratch.path("m")));
  for (const ShardHeader& header : read_headers(open_checkpoint(scratch.path("m")), 1)) {
    const std::string file = os::read_text(header.path());
    for (const Tensor& tensor : header.tensors()) {
      std::string ones;
      while (ones.size() < tensor.bytes()) ones += "\x80\x3F";
      const std::string data = file.substr(header.data_begin() + tensor.begin, tensor.bytes());
      EXPECT_EQ(data == ones, header.name(tensor).find("norm") != std::string_view::npos)
          << header.name(tensor);
    }
  }
}

TEST(Synthetic, IsTheSameForTheSameSeedWhateverTheThreads) {
  const Scratch scratch;
  SyntheticOptions options = options_for(scratch.path("a"));
  options.bytes = 20'000'000;
  write_synthetic(options);
  options.directory = scratch.path("b");
  options.threads = 5;
  write_synthetic(options);
  options.directory = scratch.path("c");
  options.seed = 8;
  write_synthetic(options);
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path("a"))) {
    const std::string name = entry.path().filename();
    const std::string content = os::read_text(entry.path());
    EXPECT_EQ(content, os::read_text(scratch.path("b/" + name))) << name;
    const bool is_shard =
        name.find(".safetensors") != std::string::npos && name.find(".json") == std::string::npos;
    EXPECT_EQ(content != os::read_text(scratch.path("c/" + name)), is_shard) << name;
  }
}

TEST(Synthetic, HasNoHoles) {
  const Scratch scratch;
  write_synthetic(options_for(scratch.path("m")));
  for (const CheckpointFile& file : open_checkpoint(scratch.path("m")).files) {
    struct stat info {};
    ASSERT_EQ(::stat(file.real_path.c_str(), &info), 0);
    constexpr std::uint64_t k_stat_block = 512;
    EXPECT_GE(static_cast<std::uint64_t>(info.st_blocks) * k_stat_block, file.bytes) << file.name;
  }
}

TEST(Synthetic, OneShardNeedsNoIndex) {
  const Scratch scratch;
  SyntheticOptions options = options_for(scratch.path("m"));
  options.shards = 1;
  write_synthetic(options);
  EXPECT_TRUE(std::filesystem::exists(scratch.path("m/model.safetensors")));
  EXPECT_TRUE(open_checkpoint(scratch.path("m")).indices.empty());
}

TEST(Synthetic, TakesAnEmptyDirectoryAndNoOther) {
  const Scratch scratch;
  scratch.make_directory("m");
  write_synthetic(options_for(scratch.path("m/")));
  const std::uint64_t files = entries(scratch.path("m"));
  EXPECT_THAT(error_of([&] { write_synthetic(options_for(scratch.path("m"))); }),
              HasSubstr("not empty"));
  EXPECT_EQ(entries(scratch.path("m")), files);
  EXPECT_THAT(error_of([&] { write_synthetic(options_for(scratch.write("f", ""))); }),
              HasSubstr("no directory"));
  scratch.link("gone", "dangling");
  EXPECT_THAT(error_of([&] { write_synthetic(options_for(scratch.path("dangling"))); }),
              HasSubstr("no directory"));
  EXPECT_THAT(error_of([&] { write_synthetic(options_for(scratch.path("no/parent"))); }),
              AllOf(HasSubstr(scratch.path("no") + " is not there"), HasSubstr("mkdir -p")));
  EXPECT_EQ(entries(scratch.path()), 3U);
}

TEST(Synthetic, SaysWhatItNeedsAndWhatIsFreeBeforeItWrites) {
  const Scratch scratch;
  SyntheticOptions options = options_for(scratch.path("m"));
  options.bytes = 1'900'000'000'000;
  const std::string message = error_of([&] { write_synthetic(options); });
  EXPECT_THAT(message, HasSubstr("1.9"));
  EXPECT_THAT(message, HasSubstr("are free"));
  EXPECT_EQ(entries(scratch.path()), 0U);
}

TEST(LlamaFiles, TheTokenizerKnowsEveryByte) {
  for (const auto& [name, content] : llama_small_files(choose_llama_shape(1'000'000))) {
    std::string error;
    const auto value = text::parse_json(content, &error);
    ASSERT_TRUE(value) << name << ": " << error;
    if (name == "tokenizer.json") {
      const auto& vocabulary = value->at("model").at("vocab").as_object();
      EXPECT_EQ(vocabulary.size(), 258U);
      // GPT-2's letters: a blank is U+0120, and the last byte without one of its own, 173, U+0143.
      EXPECT_EQ(vocabulary.at("A"), 2 + 'A');
      EXPECT_EQ(vocabulary.at("\u0120"), 2 + ' ');
      EXPECT_EQ(vocabulary.at("\u0143"), 2 + 173);
    }
    if (name == "config.json") {
      EXPECT_EQ(value->at("model_type"), "llama");
      EXPECT_TRUE(value->at("rope_theta").is_double());
    }
  }
}

}  // namespace
}  // namespace coldload::model
