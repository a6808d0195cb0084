#include "model/not_served.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/model/scratch.h"

namespace coldload::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NotServed : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> found() const {
    return not_served(open_checkpoint(scratch_.path()));
  }
  Scratch scratch_;
};

TEST_F(NotServed, TheWeightsOnceMoreAndATrainingsState) {
  scratch_.write("model.safetensors.index.json",
                 R"({"weight_map":{"w":"model-00001-of-00001.safetensors"}})");
  scratch_.write("model-00001-of-00001.safetensors", one_tensor());
  for (const char* directory : {"original", "metal", "checkpoint-1600", "global_step5"}) {
    scratch_.make_directory(directory);
  }
  for (const char* name :
       {"consolidated.safetensors", "consolidated.00.pth", "pytorch_model-00001-of-00002.bin",
        "model.safetensors", "model.fp16-00001-of-00002.safetensors", "m-Q4.gguf", "optimizer.pt",
        "rng_state_0.pth"}) {
    scratch_.write(name, "x");
  }
  EXPECT_THAT(found(), ElementsAre("checkpoint-1600/", "consolidated.00.pth",
                                   "consolidated.safetensors", "global_step5/", "m-Q4.gguf",
                                   "metal/", "model.fp16-00001-of-00002.safetensors",
                                   "model.safetensors", "optimizer.pt", "original/",
                                   "pytorch_model-00001-of-00002.bin", "rng_state_0.pth"));
}

TEST_F(NotServed, WhatIsInDoubtIsNoneOfIt) {
  scratch_.write("model.safetensors.index.json", R"({"weight_map":{"w":"model.safetensors"}})");
  scratch_.write("model.safetensors", one_tensor());
  for (const char* directory : {"2_Dense", "adapters", "checkpoint-best", "originals"}) {
    scratch_.make_directory(directory);
  }
  for (const char* name :
       {"adapter_model.safetensors", "adapter_model.bin", "mtp.safetensors", "training_args.bin",
        "model-mtp.safetensors", "modelling.bin", "model.py", "tokenizer.model"}) {
    scratch_.write(name, "x");
  }
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(NotServed, WhatCountsIsNever) {
  scratch_.write("consolidated.safetensors", one_tensor());
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(NotServed, OtherGgufModelsWhereOneSaysWhichIsServed) {
  scratch_.make_directory("Q8");
  for (const char* name : {"m-Q4.gguf", "m-Q6.gguf", "mmproj-F16.gguf", "Q8/m-Q8.gguf", "README"}) {
    scratch_.write(name, "GGUF");
  }
  EXPECT_THAT(not_served(open_checkpoint(scratch_.path(), "*Q4*")),
              ElementsAre("Q8/m-Q8.gguf", "m-Q6.gguf"));
  ::unlink(scratch_.path("m-Q6.gguf").c_str());
  EXPECT_THAT(found(), IsEmpty());  // a guess: what lies below may be a draft model
}

}  // namespace
}  // namespace coldload::model
