#include "model/weight_choice.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/checkpoint.h"
#include "model/headers.h"
#include "unit/model/scratch.h"

namespace coldload::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* k_index = "model.safetensors.index.json";

class WeightChoiceTest : public ::testing::Test {
 protected:
  void have(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      for (std::size_t slash = name.find('/'); slash != std::string::npos;
           slash = name.find('/', slash + 1)) {
        ::mkdir(scratch_.path(name.substr(0, slash)).c_str(), 0755);
      }
      scratch_.write(name, one_tensor());
    }
  }

  // An index of these shards.
  void index(const std::string& name, const std::vector<std::string>& shards) {
    std::string map;
    for (const std::string& shard : shards) {
      map += (map.empty() ? "\"" : ",\"") + shard + "\":\"" + shard + '"';
    }
    scratch_.write(name, "{\"weight_map\":{" + map + "}}");
  }

  [[nodiscard]] std::vector<std::string> chosen(const std::string& weights = {}) const {
    std::vector<std::string> names;
    const Checkpoint checkpoint = open_checkpoint(scratch_.path(), weights);
    for (const CheckpointFile* shard : checkpoint.shards()) names.push_back(shard->name);
    return names;
  }

  [[nodiscard]] std::vector<std::string> remarks() const {
    return open_checkpoint(scratch_.path()).remarks;
  }

  [[nodiscard]] std::string refusal() const {
    return error_of([&] { static_cast<void>(open_checkpoint(scratch_.path())); });
  }

  Scratch scratch_;
};

TEST_F(WeightChoiceTest, AnotherCopyBesideAnIndexedOneDoesNotCount) {
  have({"consolidated.safetensors", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "original/model.safetensors", "metal/model.bin"});
  index(k_index, {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"});
  EXPECT_THAT(chosen(),
              ElementsAre("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
  EXPECT_THAT(remarks(),
              ElementsAre("consolidated.safetensors is not in the index: not counted as weights",
                          "metal/model.bin is not counted as weights",
                          "original/model.safetensors is not counted as weights"));
}

TEST_F(WeightChoiceTest, WhatAServerPrefersCountsWhereItLiesAtTheTop) {
  const auto of_server = [&] {
    std::vector<std::string> names;
    const Checkpoint checkpoint =
        open_checkpoint_of_server(scratch_.path(), "consolidated*.safetensors");
    for (const CheckpointFile* shard : checkpoint.shards()) names.push_back(shard->name);
    return names;
  };
  have({"model-00001-of-00001.safetensors", "original/consolidated.safetensors"});
  index(k_index, {"model-00001-of-00001.safetensors"});
  EXPECT_THAT(of_server(), ElementsAre("model-00001-of-00001.safetensors"));
  have({"consolidated.safetensors"});
  EXPECT_THAT(of_server(), ElementsAre("consolidated.safetensors"));
  // A download of that copy alone brings the other one's index, too.
  index(k_index, {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"});
  EXPECT_THAT(of_server(), ElementsAre("consolidated.safetensors"));
}

TEST_F(WeightChoiceTest, OneWholeFileIsTakenBeforeWhatLiesBesideItWithoutAnIndex) {
  have({"model.safetensors", "consolidated.safetensors", "model.fp16.safetensors",
        "adapter_model.safetensors", "model.fp32-00001-of-00002.safetensors",
        "model.fp32-00002-of-00002.safetensors"});
  index("model.safetensors.index.fp32.json",
        {"model.fp32-00001-of-00002.safetensors", "model.fp32-00002-of-00002.safetensors"});
  EXPECT_THAT(chosen(), ElementsAre("model.safetensors"));
}

TEST_F(WeightChoiceTest, AStaleIndexIsNotFollowedWhereAWholeModelLies) {
  have({"model.safetensors"});
  index(k_index, {"model-00001-of-00003.safetensors"});
  EXPECT_THAT(chosen(), ElementsAre("model.safetensors"));
  EXPECT_THAT(remarks(), ElementsAre(::testing::AllOf(HasSubstr("model-00001-of-00003"),
                                                      HasSubstr("not followed: the index"))));
}

TEST_F(WeightChoiceTest, WhatIsLeftOfAnIndexedSetIsNoModel) {
  have({"model-00001-of-00002.safetensors"});
  index(k_index, {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"});
  EXPECT_THAT(refusal(),
              HasSubstr("names the shard model-00002-of-00002.safetensors, which is not there"));
}

TEST_F(WeightChoiceTest, AnIndexOfAnotherNameIsFollowed) {
  have({"consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"});
  index("consolidated.safetensors.index.json",
        {"consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"});
  EXPECT_EQ(chosen().size(), 2U);
  EXPECT_THAT(remarks(), IsEmpty());
}

TEST_F(WeightChoiceTest, OnePrecisionCounts) {
  have({"unet.fp16.safetensors", "unet.safetensors", "text.safetensors"});
  EXPECT_THAT(chosen(), ElementsAre("text.safetensors", "unet.safetensors"));
}

TEST_F(WeightChoiceTest, TheFilesOfAllRanksCount) {
  have({"model-rank-0-part-0.safetensors", "model-rank-1-part-0.safetensors"});
  EXPECT_EQ(chosen().size(), 2U);
}

TEST_F(WeightChoiceTest, AnIndexMayNameShardsInFoldersBelow) {
  have({"e.safetensors", "model.layers.0/layer.safetensors", "model.layers.1/layer.safetensors"});
  index(k_index,
        {"e.safetensors", "model.layers.0/layer.safetensors", "model.layers.1/layer.safetensors"});
  EXPECT_EQ(chosen().size(), 3U);
}

TEST_F(WeightChoiceTest, APipelineIsAllItsComponents) {
  have({"transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
        "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
        "vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors"});
  index("transformer/diffusion_pytorch_model.safetensors.index.json",
        {"diffusion_pytorch_model-00001-of-00002.safetensors",
         "diffusion_pytorch_model-00002-of-00002.safetensors"});
  EXPECT_THAT(chosen(),
              ElementsAre("transformer/diffusion_pytorch_model-00001-of-00002.safetensors",
                          "transformer/diffusion_pytorch_model-00002-of-00002.safetensors",
                          "vae/diffusion_pytorch_model.safetensors"));
}

TEST_F(WeightChoiceTest, HeadsBelowAnEncoderCountAndTrainingCheckpointsDoNot) {
  have({"model.safetensors", "2_Dense/model.safetensors", "checkpoint-16/model.safetensors",
        "optimizer.pt"});
  scratch_.write("modules.json", "[]");
  EXPECT_THAT(chosen(), ElementsAre("2_Dense/model.safetensors", "model.safetensors"));
}

TEST_F(WeightChoiceTest, TheModelOfAFolderOfGgufIsTheOneThatLiesThere) {
  have({"m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj-F16.gguf"});
  EXPECT_THAT(chosen(), ElementsAre("m-00001-of-00002.gguf", "m-00002-of-00002.gguf"));
  have({"n.gguf"});
  EXPECT_THAT(refusal(), HasSubstr("2 .gguf models"));
}

TEST_F(WeightChoiceTest, PyTorchsOwnFilesCountWhereThereAreNoOthers) {
  have({"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "optimizer.pt",
        "training_args.bin", "adapter_model.bin"});
  index(k_index, {"model-00001-of-00002.safetensors"});
  EXPECT_THAT(chosen(),
              ElementsAre("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"));
  EXPECT_EQ(open_checkpoint(scratch_.path()).format, Format::pytorch);
}

TEST_F(WeightChoiceTest, AnIndexMayNeedAPartOfAShard) {
  scratch_.write(
      "a.safetensors",
      safetensors(
          R"({"keep":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"left":{"dtype":"U8","shape":[500],"data_offsets":[8,508]}})",
          508));
  scratch_.write("b.safetensors", one_tensor());
  scratch_.write(
      k_index,
      R"({"metadata":{"total_size":12},"weight_map":{"keep":"a.safetensors","w":"b.safetensors"}})");
  Checkpoint checkpoint = open_checkpoint(scratch_.path());
  count_indexed_parts(&checkpoint);
  const std::vector<const CheckpointFile*> shards = checkpoint.shards();
  EXPECT_EQ(shards[0]->bytes - shards[0]->needed_bytes, 500U);
  EXPECT_EQ(shards[1]->needed_bytes, shards[1]->bytes);
}

TEST_F(WeightChoiceTest, AFolderThatIsCalledAsAShardIsLeftOut) {
  have({"model.safetensors", "old.safetensors/note.txt"});
  EXPECT_THAT(chosen(), ElementsAre("model.safetensors"));
  EXPECT_THAT(remarks(), ElementsAre(HasSubstr("old.safetensors is left out")));
}

TEST_F(WeightChoiceTest, TheUserKnowsBetter) {
  have({"model.safetensors", "consolidated.safetensors", "a/b.safetensors"});
  EXPECT_THAT(chosen("consolidated*"), ElementsAre("consolidated.safetensors"));
  EXPECT_THAT(chosen("a/*.safetensors"), ElementsAre("a/b.safetensors"));
  EXPECT_THAT(error_of([&] { static_cast<void>(chosen("nothing*")); }),
              HasSubstr("matches --weights nothing*"));
}

TEST_F(WeightChoiceTest, ATreeThatLeadsBackToItselfEnds) {
  have({"model.safetensors", "below/note.txt"});
  scratch_.link("..", "below/up");
  scratch_.link(".", "self");
  const Checkpoint checkpoint = open_checkpoint(scratch_.path());
  EXPECT_EQ(checkpoint.files.size(), 2U);
  EXPECT_THAT(checkpoint.remarks, UnorderedElementsAre(HasSubstr("below/up is left out"),
                                                       HasSubstr("self is left out")));
}

}  // namespace
}  // namespace coldload::model
