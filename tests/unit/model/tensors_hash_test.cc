#include "model/tensors_hash.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/told_step.h"
#include "unit/model/scratch.h"

namespace coldload::model {
namespace {

// A file of one tensor of 4 bytes.
std::string file_of(const std::string& name, const std::string& dtype, const std::string& shape) {
  return safetensors(R"({")" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
                         R"(,"data_offsets":[0,4]}})",
                     4);
}

class TensorsHash : public ::testing::Test {
 protected:
  [[nodiscard]] std::uint64_t hash_of(const std::string& content) const {
    return tensors_hash(scratch_.write("model.safetensors", content)).value();
  }
  // Of all files of the checkpoint.
  [[nodiscard]] std::uint64_t sum() const {
    std::uint64_t sum = 0;
    for (const auto& [name, hash] : tensors_hashes(open_checkpoint(scratch_.path()))) sum += hash;
    return sum;
  }

  Scratch scratch_;
};

TEST_F(TensorsHash, TellsNamesTypesAndShapesApart) {
  const std::uint64_t hash = hash_of(file_of("w", "BF16", "[2,1]"));
  EXPECT_NE(hash, hash_of(file_of("v", "BF16", "[2,1]")));
  EXPECT_NE(hash, hash_of(file_of("w", "F16", "[2,1]")));
  EXPECT_NE(hash, hash_of(file_of("w", "BF16", "[1,2]")));
  EXPECT_NE(hash, hash_of(file_of("w", "BF16", "[2]")));
  EXPECT_EQ(hash, hash_of(file_of("w", "BF16", "[2,1]")));
}

// Who waits for many shards sees that it goes on.
TEST_F(TensorsHash, TellsEachShardThatIsReadAndBeforeThatLookedAt) {
  for (const char* name : {"a", "b", "c"}) {
    scratch_.write(std::string(name) + ".safetensors", file_of(name, "F32", "[1]"));
  }
  std::vector<std::string> steps;
  os::tell_steps_to([&steps](const std::string& step) { steps.push_back(step); });
  (void)sum();
  os::tell_steps_to({});
  for (const char* name : {"a", "b", "c"}) {
    const std::string path = scratch_.path(std::string(name) + ".safetensors");
    const auto looked = std::find(steps.begin(), steps.end(), "look at " + path);
    EXPECT_NE(looked, steps.end());
    EXPECT_NE(std::find(looked, steps.end(), "read " + path), steps.end());
  }
}

TEST_F(TensorsHash, LooksAtNoValueAndNoRemarkOfTheHeader) {
  const std::uint64_t hash = hash_of(file_of("w", "F32", "[1]"));
  std::string other = safetensors(R"({"__metadata__":{"format":"pt"},)"
                                  R"("w":{"shape":[1],"data_offsets":[0,4],"dtype":"F32"}} )",
                                  4);
  other.back() = 'y';
  EXPECT_EQ(hash, hash_of(other));
}

TEST_F(TensorsHash, IsTheSameHoweverTheTensorsAreSpreadOverFiles) {
  const std::string both = safetensors(R"({"v":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                                       R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                                       8);
  const std::uint64_t hash = hash_of(both);
  scratch_.write("model.safetensors.index.json",
                 R"({"weight_map":{"v":"b.safetensors","w":"a.safetensors"}})");
  scratch_.write("model.safetensors", "");  // not the index's
  scratch_.write("a.safetensors", file_of("w", "F32", "[1]"));
  scratch_.write("b.safetensors", file_of("v", "U8", "[4]"));
  EXPECT_EQ(hash, sum());
}

TEST_F(TensorsHash, LeavesOutWhatTheIndexDoesNotWantOfAShard) {
  const std::uint64_t hash = hash_of(file_of("w", "F32", "[1]"));
  scratch_.write("model.safetensors.index.json", R"({"weight_map":{"w":"model.safetensors"}})");
  scratch_.write("model.safetensors",
                 safetensors(R"({"old":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                             R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                             8));
  EXPECT_EQ(hash, sum());
}

TEST_F(TensorsHash, IsNotKnownOfABrokenHeaderAndOfOtherFormats) {
  EXPECT_FALSE(tensors_hash(scratch_.write("model.safetensors", "12345678{")).has_value());
  EXPECT_FALSE(tensors_hash(scratch_.write("model.gguf", one_tensor())).has_value());
  EXPECT_FALSE(tensors_hash(scratch_.path("absent.safetensors")).has_value());
}

TEST_F(TensorsHash, GoesByTheNameOfALinkIntoAHubCache) {
  scratch_.write("blob", one_tensor());
  scratch_.link("blob", "model.safetensors");
  EXPECT_EQ(sum(), tensors_hash(scratch_.path("model.safetensors")).value());
}

}  // namespace
}  // namespace coldload::model
