// Writes the shards of a synthetic checkpoint with several threads, at the disk's speed.
//
// Layer: model. May include os/.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "model/llama_shape.h"
#include "model/random_weights.h"
#include "os/fd.h"

namespace coldload::model {

class ShardWriter {
 public:
  using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

  explicit ShardWriter(std::uint64_t seed) : weights_(seed) {}

  // The next shard's tensors.
  void add(const std::vector<LlamaTensor>& tensors);

  [[nodiscard]] std::uint64_t total_bytes() const { return total_bytes_; }

  // Writes every shard into `directory` and flushes it to the device. Call once. Throws os::Error,
  // also when interrupted; files are then left as they are.
  void write(const std::string& directory, unsigned threads, const Progress& progress);

 private:
  // A stretch of norm weights, which are 1 and not random; in elements of the shard's data.
  struct Ones {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  struct Shard {
    std::string head;
    std::uint64_t data_bytes = 0;
    std::vector<Ones> ones;
    std::mutex mutex;  // guards opening
    os::Fd file;
    std::atomic<std::uint64_t> chunks_left{0};
  };

  void work();
  void write_chunk(std::uint64_t index, std::span<std::uint16_t> buffer);
  void open(std::size_t number);
  static void fill_ones(const Shard& shard, std::uint64_t first, std::span<std::uint16_t> values);

  RandomWeights weights_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<std::uint64_t> first_chunk_;  // per shard, counted over all shards
  std::uint64_t chunks_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::string directory_;

  std::atomic<std::uint64_t> next_chunk_{0};
  std::atomic<std::uint64_t> done_bytes_{0};
  std::atomic<bool> failed_{false};
};

}  // namespace coldload::model
