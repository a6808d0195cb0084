#include "model/tensors_hash.h"

#include <algorithm>
#include <string_view>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "model/dtype.h"
#include "model/file_names.h"
#include "model/index.h"
#include "model/safetensors.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"

namespace coldload::model {

namespace {

// Sorted; empty: every tensor is wanted.
using WantedTensors = std::vector<std::string_view>;

std::uint64_t hash_of_tensor(const ShardHeader& header, const Tensor& tensor) {
  std::string text(header.name(tensor));
  text += '\0';
  text += name_of(tensor.dtype);
  for (const std::uint64_t extent : header.shape(tensor)) {
    text += ',';
    text += std::to_string(extent);
  }
  return XXH3_64bits(text.data(), text.size());
}

std::optional<std::uint64_t> hash_of_those(const std::string& path, const WantedTensors& wanted) {
  if (!path.ends_with(".safetensors")) return std::nullopt;
  try {
    const ShardHeader header = read_shard_header(os::open_regular(path));
    std::uint64_t sum = 0;
    for (const Tensor& tensor : header.tensors()) {
      const bool counts =
          wanted.empty() || std::binary_search(wanted.begin(), wanted.end(), header.name(tensor));
      if (counts) sum += hash_of_tensor(header, tensor);
    }
    return sum;
  } catch (const os::Error&) {
    return std::nullopt;  // whoever loads it says what is wrong with it
  }
}

}  // namespace

std::optional<std::uint64_t> tensors_hash(const std::string& path) {
  return hash_of_those(path, {});
}

std::map<std::string, std::uint64_t> tensors_hashes(const Checkpoint& checkpoint) {
  struct Indexed {
    std::string folder;
    WeightMap map;
  };
  std::vector<Indexed> indices;
  for (const std::string& index : checkpoint.indices) {
    indices.push_back({folder_of(index), WeightMap::read(checkpoint.path + '/' + index)});
  }
  std::map<std::string, std::uint64_t> hashes;
  for (std::size_t i = 0; i < checkpoint.candidate_count(); ++i) {
    if (os::interrupted()) throw os::Error("interrupted");
    const CheckpointFile& file = checkpoint.files[i];
    WantedTensors wanted;
    for (const Indexed& index : indices) {
      if (file.kind != FileKind::shard || !file.name.starts_with(index.folder)) continue;
      const WantedTensors of_shard = index.map.tensors_of(file.name.substr(index.folder.size()));
      wanted.insert(wanted.end(), of_shard.begin(), of_shard.end());
    }
    std::sort(wanted.begin(), wanted.end());
    // By its own name: a link's target in a hub cache has none that tells the format.
    const auto hash = hash_of_those(checkpoint.path + '/' + file.name, wanted);
    if (hash) hashes[file.name] = *hash;
  }
  return hashes;
}

}  // namespace coldload::model
