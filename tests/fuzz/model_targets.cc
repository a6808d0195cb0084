// A checkpoint's files: the header of safetensors, the index, and what names say.
#include <fcntl.h>

#include "fuzz/targets.h"
#include "model/file_names.h"
#include "model/index.h"
#include "model/safetensors.h"
#include "os/fd.h"

namespace coldload::fuzz {

namespace {

void try_safetensors(std::string_view input) {
  const InputFile file(input);
  const os::Fd descriptor = os::open_file(file.path(), O_RDONLY);
  const auto read = [&](std::size_t piece_bytes, std::size_t* tensors) {
    return refuses([&] {
      const model::ShardHeader header = model::read_shard_header(descriptor, piece_bytes);
      std::uint64_t sum = 0;
      for (const model::Tensor& tensor : header.tensors()) {
        sum += tensor.bytes();
        (void)header.name(tensor);
        require(header.shape(tensor).size() == tensor.rank, "a shape has its rank");
      }
      require(sum == header.data_bytes(), "the tensors cover the data");
      require(header.data_begin() + sum == input.size(), "and the data the file");
      *tensors = header.tensors().size();
    });
  };
  std::size_t at_once = 0;
  std::size_t in_pieces = 0;
  const bool refused = read(std::size_t{1} << 20, &at_once);
  require(read(3, &in_pieces) == refused && at_once == in_pieces, "pieces are read as the whole");
}

void try_index(std::string_view input) {
  const InputFile file(input);
  refuses([&] {
    const model::WeightMap map = model::WeightMap::read(file.path());
    for (const std::string& shard : map.shards()) {
      require(!map.tensors_of(shard).empty(), "a shard has a tensor");
      require(shard.find("..") == std::string::npos || shard.find('/') == std::string::npos ||
                  ("/" + shard + "/").find("/../") == std::string::npos,
              "no shard lies elsewhere");
    }
  });
}

void try_file_names(std::string_view input) {
  const std::string name(input);
  (void)model::is_shard_name(name);
  (void)model::is_gguf_model(name);
  (void)model::is_weight_name(name);
  (void)model::precision_of(name);
  (void)model::kind_of_small_file(name);
  require(name.starts_with(model::folder_of(name)), "a folder begins the name");
  (void)model::stem_of(name);
  if (model::is_gguf_name(name)) {
    const auto siblings = model::gguf_siblings(name);
    require(!siblings.empty() && siblings.size() < 100'000, "a .gguf has parts");
  }
  (void)model::checkpoint_name("/" + name);
}

}  // namespace

const std::vector<Target> k_model_targets{
    {"safetensors", try_safetensors},
    {"index", try_index},
    {"file_names", try_file_names},
};

}  // namespace coldload::fuzz
