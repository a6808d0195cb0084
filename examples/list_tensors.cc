// Loads a checkpoint into GPU memory, or into host memory where there is no GPU, and says where
// each tensor lies: the shortest program on coldload's loader.
//
//   list_tensors DIR

#include <cstdio>
#include <exception>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "gpu/cuda.h"
#include "load/arena.h"
#include "load/loader.h"
#include "model/checkpoint.h"
#include "model/headers.h"

int main(int argc, char** argv) {
  using namespace coldload;
  if (argc != 2) {
    fmt::print(stderr, "usage: list_tensors DIR\n");
    return 2;
  }
  try {
    load::Options options;
    options.into = gpu::Device::find().availability.ok ? load::Into::gpu : load::Into::host;
    options.verify = true;
    load::Loader loader(options);  // from here on the context is created and the ring pinned

    const model::Checkpoint checkpoint = model::open_checkpoint(argv[1]);
    std::vector<load::Shard> shards;
    for (const model::CheckpointFile* file : checkpoint.shards()) {
      shards.push_back({file->real_path, file->bytes});
    }
    const auto headers = model::read_headers(checkpoint, std::thread::hardware_concurrency());

    const load::Result result = loader.load(shards);
    for (std::size_t shard = 0; shard < headers.size(); ++shard) {
      for (const model::Tensor& tensor : headers[shard].tensors()) {
        fmt::print("{:#x} {:>12} bytes [{}] {}\n",
                   result.arena->address(shard, headers[shard].data_begin() + tensor.begin),
                   tensor.bytes(), fmt::join(headers[shard].shape(tensor), ", "),
                   headers[shard].name(tensor));
      }
    }
    fmt::print("{} bytes in {} memory after {:.3f} s, checksum {}\n", result.bytes,
               result.arena->on_gpu() ? "GPU" : "host", result.read_s, *result.checksum);
  } catch (const std::exception& error) {
    fmt::print(stderr, "list_tensors: {}\n", error.what());
    return 1;
  }
}
