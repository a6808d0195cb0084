#include "storage/read_probe.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "os/mapping.h"
#include "storage/probed_files.h"

namespace coldload::storage {

namespace {

constexpr std::chrono::seconds k_stall_patience{10};
constexpr std::size_t k_small_read_bytes = 4096;

std::size_t whole_pages(std::uint64_t bytes) {
  return (bytes + k_small_read_bytes - 1) / k_small_read_bytes * k_small_read_bytes;
}

ReadRate not_measured(std::string reason) { return {std::nullopt, std::move(reason), 0, 0}; }

// Lives as long as its threads do. Each part fills in figures of its own.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(std::vector<std::string> paths, ReadProbeOptions options)
      : paths_(std::move(paths)), options_(std::move(options)), files_(paths_) {}

  ReadFigures run();

 private:
  using Watched = std::function<void(Probe&, unsigned, PendingCall&)>;
  void in_threads(unsigned count, os::TimePoint give_up, Watched body) {
    run_watched(count, give_up,
                [self = shared_from_this(), body = std::move(body)](
                    unsigned index, PendingCall& call) { body(*self, index, call); });
  }
  [[nodiscard]] os::TimePoint give_up() const { return options_.deadline + k_stall_patience; }
  [[nodiscard]] std::string why_stop() const {
    if (os::interrupted()) return "interrupted";
    return os::Clock::now() >= options_.deadline ? "no time was left" : "";
  }
  [[nodiscard]] os::TimePoint end_of(std::chrono::nanoseconds part) const {
    return std::min(os::Clock::now() + part, options_.deadline);
  }
  // The next `count` unread blocks, which are read from now on.
  std::vector<Block> take(std::size_t count);
  std::vector<Block> take_longest_run(std::size_t count);

  void measure_storage();
  ReadRate measure_level(unsigned in_flight, std::vector<Block> blocks);
  ReadRate measure_sequential(std::vector<Block> blocks);
  ReadLatency measure_latency(std::vector<Block> blocks);
  void measure_page_cache();
  std::vector<Block> resident_blocks() const;
  void bring_in(std::uint64_t bytes);
  void give_back();

  const std::vector<std::string> paths_;
  const ReadProbeOptions options_;
  ProbedFiles files_;
  std::vector<Block> unread_;  // in the order in which they are to be read
  ReadFigures figures_;
};

std::vector<Block> Probe::take(std::size_t count) {
  const auto end = unread_.begin() + static_cast<std::ptrdiff_t>(std::min(count, unread_.size()));
  std::vector<Block> taken(unread_.begin(), end);
  unread_.erase(unread_.begin(), end);
  return taken;
}

std::vector<Block> Probe::take_longest_run(std::size_t count) {
  std::size_t best = 0;
  std::size_t best_length = 0;
  for (std::size_t first = 0; first < unread_.size();) {
    std::size_t next = first + 1;
    while (next < unread_.size() && unread_[next].file == unread_[first].file &&
           unread_[next].offset == unread_[next - 1].offset + k_request_bytes) {
      ++next;
    }
    if (next - first > best_length) {
      best = first;
      best_length = next - first;
    }
    first = next;
  }
  const auto begin = unread_.begin() + static_cast<std::ptrdiff_t>(best);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(count, best_length));
  std::vector<Block> taken(begin, end);
  unread_.erase(begin, end);
  return taken;
}

ReadRate Probe::measure_level(unsigned in_flight, std::vector<Block> blocks) {
  struct Level {
    std::vector<Block> blocks;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stayed{false};
    os::TimePoint stop_at;
    ReadTally tally;
  };
  const auto level = std::make_shared<Level>();
  level->blocks = std::move(blocks);
  level->stop_at = end_of(options_.level_time);
  const auto way = figures_.direct ? ProbedFiles::Way::direct : ProbedFiles::Way::buffered;
  in_threads(in_flight, give_up(), [level, way](Probe& probe, unsigned, PendingCall& call) {
    const os::Mapping buffer = os::Mapping::anonymous(k_request_bytes);
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{0});  // in memory by now
    while (os::Clock::now() < level->stop_at && !os::interrupted()) {
      const std::size_t index = level->next++;
      if (index >= level->blocks.size()) return;
      const Block& block = level->blocks[index];
      if (way == ProbedFiles::Way::buffered && !probe.files_.make_absent(block)) {
        level->stayed = true;
        continue;
      }
      const os::TimePoint begin = os::Clock::now();
      const std::size_t got = probe.files_.read(
          block, block.offset, buffer.bytes().first(whole_pages(block.bytes)), way, call);
      level->tally.add(begin, os::Clock::now(), got);
    }
  });
  const std::size_t used = std::min(level->next.load(), level->blocks.size());
  unread_.insert(unread_.begin(), level->blocks.begin() + static_cast<std::ptrdiff_t>(used),
                 level->blocks.end());
  if (way == ProbedFiles::Way::buffered) files_.drop_what_came();
  if (os::interrupted()) return not_measured("interrupted");
  return level->tally.rate(level->stayed ? "pages could not be evicted" : "nothing was read");
}

ReadRate Probe::measure_sequential(std::vector<Block> blocks) {
  if (!files_.observable()) {
    return not_measured("what is in the page cache cannot be seen: the files are not ours");
  }
  if (blocks.empty()) return not_measured("the checkpoint is too small: nothing unread was left");
  // What must be evicted must be read again in the end.
  constexpr std::size_t k_most_evicted = 128;
  if (files_.resident_bytes(blocks[0]) > 0 && blocks.size() > k_most_evicted) {
    blocks.resize(k_most_evicted);
  }
  const auto tally = std::make_shared<ReadTally>();
  const auto stayed = std::make_shared<std::atomic<bool>>(false);
  in_threads(
      1, give_up(),
      [tally, stayed, blocks = std::move(blocks)](Probe& probe, unsigned, PendingCall& call) {
        constexpr std::size_t k_piece_bytes = std::size_t{128} << 10;
        for (const Block& block : blocks) {
          if (!probe.files_.make_absent(block)) *stayed = true;
        }
        if (*stayed) return;
        probe.files_.set_readahead(ProbedFiles::Readahead::on);
        const os::Mapping buffer = os::Mapping::anonymous(k_piece_bytes);
        const os::TimePoint stop_at = probe.end_of(probe.options_.sequential_time);
        for (const Block& block : blocks) {
          for (std::uint64_t at = 0; at < block.bytes; at += k_piece_bytes) {
            const os::TimePoint begin = os::Clock::now();
            if (begin >= stop_at || os::interrupted()) return;
            const std::size_t got = probe.files_.read(block, block.offset + at, buffer.bytes(),
                                                      ProbedFiles::Way::buffered, call);
            tally->add(begin, os::Clock::now(), std::min<std::size_t>(got, block.bytes - at));
          }
        }
      });
  return tally->rate(*stayed ? "pages could not be evicted: they are mapped or locked"
                             : "nothing was read");
}

ReadLatency Probe::measure_latency(std::vector<Block> blocks) {
  ReadLatency latency;
  std::erase_if(blocks, [](const Block& block) { return block.bytes < k_small_read_bytes; });
  if (blocks.empty()) {
    latency.reason = "the checkpoint is too small: nothing unread was left";
    return latency;
  }
  const auto times_s = std::make_shared<std::vector<double>>();
  const auto way = figures_.direct ? ProbedFiles::Way::direct : ProbedFiles::Way::buffered;
  in_threads(1, give_up(),
             [times_s, way, blocks = std::move(blocks)](Probe& probe, unsigned, PendingCall& call) {
               constexpr std::size_t k_most_reads = 4000;
               const os::Mapping buffer = os::Mapping::anonymous(k_small_read_bytes);
               const os::TimePoint stop_at = probe.end_of(probe.options_.latency_time);
               std::minstd_rand random(1);
               std::set<std::pair<std::size_t, std::uint64_t>> done;  // each place once
               probe.files_.set_readahead(ProbedFiles::Readahead::off);
               for (std::size_t attempt = 0; attempt < k_most_reads; ++attempt) {
                 const Block& block = blocks[random() % blocks.size()];
                 const std::uint64_t at =
                     random() % (block.bytes / k_small_read_bytes) * k_small_read_bytes;
                 if (!done.emplace(block.file, block.offset + at).second) continue;
                 if (way == ProbedFiles::Way::buffered) {
                   const Block page{block.file, block.offset + at, k_small_read_bytes};
                   if (!probe.files_.make_absent(page)) continue;
                 }
                 const os::TimePoint begin = os::Clock::now();
                 if (begin >= stop_at || os::interrupted()) return;
                 probe.files_.read(block, block.offset + at, buffer.bytes(), way, call);
                 times_s->push_back(os::seconds_between(begin, os::Clock::now()));
               }
             });
  if (way == ProbedFiles::Way::buffered) files_.drop_what_came();
  std::vector<double>& times = *times_s;
  latency.reads = times.size();
  if (times.empty()) {
    latency.reason = "no read could be timed";
    return latency;
  }
  std::sort(times.begin(), times.end());
  latency.median_s = times[(times.size() - 1) / 2];
  constexpr std::size_t k_least_for_p99 = 100;
  if (times.size() >= k_least_for_p99) {
    latency.p99_s =
        times[static_cast<std::size_t>(std::ceil(0.99 * static_cast<double>(times.size()))) - 1];
  }
  return latency;
}

void Probe::measure_storage() {
  const std::vector<std::size_t> shares = share_blocks(unread_.size(), options_.in_flight);
  files_.set_readahead(ProbedFiles::Readahead::off);
  for (std::size_t i = 0; i < options_.in_flight.size(); ++i) {
    const unsigned in_flight = options_.in_flight[i];
    LevelRate level{in_flight, {}};
    const double round_s = static_cast<double>(in_flight * k_request_bytes) /
                           figures_.best_bytes_per_s().value_or(1e18);
    if (const std::string why = why_stop(); !why.empty()) {
      level.rate = not_measured(why);
    } else if (!figures_.direct && !files_.observable()) {
      level.rate = not_measured(
          "without O_DIRECT only evicted pages tell, and whether they are cannot be seen");
    } else if (shares[i] == 0) {
      level.rate = not_measured("the checkpoint is too small: too little unread was left");
    } else if (os::Seconds(round_s) > 2 * os::Seconds(options_.level_time)) {
      level.rate = not_measured(
          fmt::format("at the rate so far one round of requests takes {:.1f} s", round_s));
    } else {
      options_.progress(fmt::format("storage, {} in flight", in_flight));
      level.rate = measure_level(in_flight, take(shares[i]));
    }
    figures_.levels.push_back(std::move(level));
  }
  options_.progress("storage, one reader");
  const std::size_t most =
      blocks_for_one_reader(figures_.best_bytes_per_s(), options_.sequential_time);
  const auto share = std::min(shares[options_.in_flight.size()], most);
  const std::string why = why_stop();
  figures_.sequential =
      why.empty() ? measure_sequential(take_longest_run(share)) : not_measured(why);
  if (const std::string stop = why_stop(); !stop.empty()) {
    figures_.latency.reason = stop;
    return;
  }
  if (!figures_.direct && !files_.observable()) {
    figures_.latency.reason = figures_.sequential.reason;
    return;
  }
  options_.progress("storage, latency");
  figures_.latency = measure_latency(std::move(unread_));
}

std::vector<Block> Probe::resident_blocks() const {
  std::vector<Block> resident;
  std::uint64_t bytes = 0;
  for (const Block& block : files_.blocks()) {
    if (bytes >= options_.page_cache_bytes) break;
    if (files_.resident_bytes(block) < block.bytes) continue;
    resident.push_back(block);
    bytes += block.bytes;
  }
  return resident;
}

void Probe::bring_in(std::uint64_t bytes) {
  in_threads(1, give_up(), [bytes](Probe& probe, unsigned, PendingCall& call) {
    const os::TimePoint stop_at = probe.end_of(probe.options_.page_cache_time);
    const os::Mapping buffer = os::Mapping::anonymous(k_request_bytes);
    probe.files_.set_readahead(ProbedFiles::Readahead::on);
    std::uint64_t done = 0;
    for (const Block& block : probe.files_.blocks()) {
      if (done >= bytes || os::Clock::now() >= stop_at || os::interrupted()) return;
      done += probe.files_.read(block, block.offset, buffer.bytes().first(whole_pages(block.bytes)),
                                ProbedFiles::Way::buffered, call);
    }
  });
}

void Probe::measure_page_cache() {
  ReadRate& rate = figures_.page_cache;
  if (!files_.observable()) {
    rate.reason = "what is in the page cache cannot be seen: the files are not ours";
    return;
  }
  if (rate.reason = why_stop(); !rate.reason.empty()) return;
  options_.progress("page cache");
  constexpr std::uint64_t k_enough_bytes = std::uint64_t{256} << 20;
  struct Reading {
    std::vector<Block> blocks;
    std::atomic<std::size_t> next{0};
    os::TimePoint stop_at;
    ReadTally tally;
  };
  const auto reading = std::make_shared<Reading>();
  const auto bytes_of = [](const std::vector<Block>& blocks) {
    std::uint64_t bytes = 0;
    for (const Block& block : blocks) bytes += block.bytes;
    return bytes;
  };
  reading->blocks = resident_blocks();
  if (bytes_of(reading->blocks) < std::min(k_enough_bytes, options_.page_cache_bytes)) {
    bring_in(std::min(k_enough_bytes, options_.page_cache_bytes));
    reading->blocks = resident_blocks();
  }
  if (reading->blocks.empty()) {
    rate.reason = options_.page_cache_bytes == 0 ? "no memory is left for the page cache"
                                                 : "nothing stays in the page cache here";
    return;
  }
  constexpr unsigned k_most_threads = 32;
  constexpr std::size_t k_most_passes = 64;
  figures_.page_cache_threads = std::clamp(std::thread::hardware_concurrency(), 1U, k_most_threads);
  reading->stop_at = os::Clock::now() + options_.page_cache_time;
  in_threads(
      figures_.page_cache_threads, give_up(), [reading](Probe& probe, unsigned, PendingCall& call) {
        const os::Mapping buffer = os::Mapping::anonymous(k_request_bytes);
        std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{0});
        while (os::Clock::now() < reading->stop_at && !os::interrupted()) {
          const std::size_t index = reading->next++;
          if (index >= k_most_passes * reading->blocks.size()) return;
          const Block& block = reading->blocks[index % reading->blocks.size()];
          const os::TimePoint begin = os::Clock::now();
          const std::size_t got =
              probe.files_.read(block, block.offset, buffer.bytes().first(whole_pages(block.bytes)),
                                ProbedFiles::Way::buffered, call);
          reading->tally.add(begin, os::Clock::now(), got);
        }
      });
  std::uint64_t left = 0;
  for (const Block& block : reading->blocks) left += files_.resident_bytes(block);
  constexpr double k_stayed = 0.98;
  if (static_cast<double>(left) < k_stayed * static_cast<double>(bytes_of(reading->blocks))) {
    rate.reason = "pages were dropped while they were read: memory is short or being reclaimed";
    return;
  }
  rate = reading->tally.rate("nothing was read");
}

void Probe::give_back() {
  // However long it takes: bounded by what was dropped, which is little.
  in_threads(1, os::Clock::now() + (give_up() - options_.deadline) * 3,
             [](Probe& probe, unsigned, PendingCall& call) { probe.files_.restore(call); });
}

ReadFigures Probe::run() {
  in_threads(1, give_up(),
             [](Probe& probe, unsigned, PendingCall& call) { probe.files_.open(call); });
  figures_.files = paths_.size();
  figures_.direct = files_.direct();
  figures_.not_direct_reason = files_.refusal();
  unread_ = files_.blocks();
  try {
    if (options_.no_storage_reason.empty()) {
      measure_storage();
    } else {
      for (const unsigned in_flight : options_.in_flight) {
        figures_.levels.push_back({in_flight, not_measured(options_.no_storage_reason)});
      }
      figures_.sequential.reason = options_.no_storage_reason;
      figures_.latency.reason = options_.no_storage_reason;
    }
    measure_page_cache();
  } catch (const os::StallError&) {
    throw;
  } catch (const os::Error&) {
    give_back();
    throw;
  }
  give_back();
  if (os::interrupted()) throw os::Error("interrupted");
  return figures_;
}

}  // namespace

ReadFigures probe_reads(const std::vector<std::string>& paths, const ReadProbeOptions& options) {
  std::vector<std::string> some = spread_over(paths, most_probed_files());
  return std::make_shared<Probe>(std::move(some), options)->run();
}

}  // namespace coldload::storage
