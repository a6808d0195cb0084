// How a read probe works (see storage/read_probe.h): its parts, each of which fills in figures of
// its own.
//
// Layer: storage. For read_probe.cc and stream_probe.cc alone.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "os/clock.h"
#include "os/interrupt.h"
#include "storage/probed_files.h"
#include "storage/read_figures.h"
#include "storage/read_probe.h"
#include "storage/watched_threads.h"

namespace coldload::storage {

// What several threads read, each the next block.
struct Reading {
  std::vector<Block> blocks;
  unsigned passes = 1;  // over the blocks, at most
  ProbedFiles::Way way = ProbedFiles::Way::buffered;
  bool evict = false;  // each block just before it is read
  os::TimePoint stop_at;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stayed{false};  // pages of a block could not be evicted
  ReadTally tally;
};

[[nodiscard]] inline ReadRate not_measured(std::string reason) {
  return {std::nullopt, std::move(reason), 0, 0};
}

// Lives as long as its threads do. Each part fills in figures of its own.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(std::vector<std::string> paths, ReadProbeOptions options)
      : paths_(std::move(paths)), options_(std::move(options)), files_(paths_) {}

  ReadFigures run();

 private:
  using Watched = std::function<void(Probe&, PendingCall&)>;
  void in_threads(unsigned count, os::TimePoint give_up, Watched body) {
    run_watched(count, give_up,
                [self = shared_from_this(), body = std::move(body)](unsigned, PendingCall& call) {
                  body(*self, call);
                });
  }
  void read_in_threads(unsigned count, const std::shared_ptr<Reading>& reading);
  bool read_block(const Block& block, std::span<std::byte> buffer, Reading& reading,
                  PendingCall& call);
  [[nodiscard]] os::TimePoint give_up() const {
    constexpr std::chrono::seconds k_stall_patience{10};
    return options_.deadline + k_stall_patience;
  }
  [[nodiscard]] std::string why_stop() const {
    if (os::interrupted()) return "interrupted";
    return os::Clock::now() >= options_.deadline ? "no time was left" : "";
  }
  [[nodiscard]] os::TimePoint end_of(std::chrono::nanoseconds part) const {
    return std::min(os::Clock::now() + part, options_.deadline);
  }
  [[nodiscard]] ProbedFiles::Way way() const {
    return figures_.direct ? ProbedFiles::Way::direct : ProbedFiles::Way::buffered;
  }
  // `count` unread blocks from number `first` on, which are read from now on.
  std::vector<Block> take(std::size_t first, std::size_t count);
  // The end of it: what readahead goes beyond is then less.
  std::vector<Block> take_longest_run(std::size_t count);
  // Up to `count` unread blocks of each of `files` files, those with most first.
  std::vector<std::vector<Block>> take_streams(std::size_t files, std::size_t count);

  void measure_storage();
  void measure_daemon();
  ReadRate read_streams(std::vector<std::vector<Block>> streams, os::Seconds most);
  // In words; empty: more than one place of a file may be read at once, or nobody can tell.
  std::string why_one_stream();
  void measure_streams(const std::string& why_no_more);
  void measure_levels(const std::vector<std::size_t>& shares);
  void measure_one_reader(std::vector<Block> blocks);
  ReadRate measure_level(unsigned in_flight, std::vector<Block> blocks);
  ReadRate measure(const std::shared_ptr<Reading>& reading, unsigned threads);
  ReadRate measure_sequential(std::vector<Block> blocks);
  ReadLatency measure_latency(std::vector<Block> blocks);
  ReadRate measure_page_cache();
  std::vector<Block> resident_blocks() const;
  void bring_in(std::uint64_t bytes);
  void give_back();

  const std::vector<std::string> paths_;
  const ReadProbeOptions options_;
  ProbedFiles files_;
  std::vector<Block> unread_;  // in the order in which they are to be read
  ReadFigures figures_;
};

}  // namespace coldload::storage
