#include "model/headers.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <string>

#include <fmt/format.h>

#include "model/file_names.h"
#include "model/index.h"
#include "os/crew.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"
#include "text/units.h"

namespace coldload::model {

void count_indexed_parts(Checkpoint* checkpoint) {
  constexpr double k_all_of_it = 1.05;  // headers, padding, a tensor that two names share
  for (const std::string& index : checkpoint->indices) {
    const WeightMap map = WeightMap::read(checkpoint->path + '/' + index);
    const std::string folder = folder_of(index);
    std::vector<CheckpointFile*> shards;
    std::uint64_t bytes = 0;
    for (CheckpointFile& file : checkpoint->files) {
      if (file.kind != FileKind::shard || !file.name.starts_with(folder)) continue;
      shards.push_back(&file);
      bytes += file.bytes;
    }
    const auto total = static_cast<double>(map.total_bytes().value_or(bytes));
    if (static_cast<double>(bytes) <= k_all_of_it * total) continue;
    for (CheckpointFile* shard : shards) {
      const ShardHeader header =
          read_shard_header(os::open_regular(checkpoint->path + '/' + shard->name));
      const std::uint64_t needed = map.check(shard->name.substr(folder.size()), header);
      if (needed == 0 || needed >= shard->needed_bytes) continue;
      shard->needed_bytes = needed;
      checkpoint->remarks.push_back(fmt::format("{}: the index needs {} of its {}", shard->name,
                                                text::format_bytes(needed),
                                                text::format_bytes(shard->bytes)));
    }
  }
}

std::vector<ShardHeader> read_headers(const Checkpoint& checkpoint, unsigned threads) {
  if (checkpoint.format != Format::safetensors) return {};
  std::vector<WeightMap> maps;
  for (const std::string& index : checkpoint.indices) {
    maps.push_back(WeightMap::read(checkpoint.path + '/' + index));
  }
  const std::vector<const CheckpointFile*> shards = checkpoint.shards();
  std::vector<ShardHeader> headers(shards.size());
  std::vector<std::exception_ptr> problems(shards.size());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    while (!failed) {
      // Shards are taken in order: when one fails, every earlier one is done or under way, and the
      // first failure in that order is the same in every run.
      const std::size_t i = next++;
      if (i >= shards.size()) return;
      try {
        if (os::interrupted()) throw os::Error("interrupted");
        headers[i] = read_shard_header(os::open_regular(checkpoint.path + '/' + shards[i]->name));
        for (std::size_t map = 0; map < maps.size(); ++map) {
          const std::string folder = folder_of(checkpoint.indices[map]);
          if (!shards[i]->name.starts_with(folder)) continue;
          maps[map].check(shards[i]->name.substr(folder.size()), headers[i]);
        }
      } catch (...) {
        problems[i] = std::current_exception();
        failed = true;
      }
    }
  };
  // Where no more threads are to be had, this one does what is left.
  const auto wanted = static_cast<unsigned>(std::min<std::size_t>(threads, shards.size()));
  os::Crew others({std::max(wanted, 1U) - 1, 0}, [&work](unsigned) { work(); });
  work();
  others.join();
  for (const std::exception_ptr& problem : problems) {
    if (problem) std::rethrow_exception(problem);
  }
  return headers;
}

}  // namespace coldload::model
