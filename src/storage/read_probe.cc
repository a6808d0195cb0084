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
#include "storage/probe.h"
#include "storage/probed_files.h"

namespace coldload::storage {

namespace {

constexpr std::size_t k_small_read_bytes = 4096;

std::size_t whole_pages(std::uint64_t bytes) {
  return (bytes + os::page_size() - 1) / os::page_size() * os::page_size();
}

constexpr const char* k_unseen =
    "what is in the page cache cannot be seen: the files are not ours, or cannot be mapped";
constexpr const char* k_nothing_unread = "the checkpoint is too small: nothing unread was left";

std::uint64_t bytes_of(const std::vector<Block>& blocks) {
  std::uint64_t bytes = 0;
  for (const Block& block : blocks) bytes += block.bytes;
  return bytes;
}

}  // namespace

std::vector<Block> Probe::take(std::size_t first, std::size_t count) {
  const auto begin = unread_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(count, unread_.size() - first));
  std::vector<Block> taken(begin, end);
  unread_.erase(begin, end);
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
  const std::size_t length = std::min(count, best_length);
  return take(best + best_length - length, length);
}

void Probe::read_in_threads(unsigned count, const std::shared_ptr<Reading>& reading) {
  in_threads(count, give_up(), [reading](Probe& probe, PendingCall& call) {
    const os::Mapping buffer = os::Mapping::anonymous(k_request_bytes);
    std::fill(buffer.bytes().begin(), buffer.bytes().end(), std::byte{0});  // in memory by now
    while (os::Clock::now() < reading->stop_at && !os::interrupted()) {
      const std::size_t index = reading->next++;
      if (index >= reading->passes * reading->blocks.size()) return;
      const Block& block = reading->blocks[index % reading->blocks.size()];
      if (!probe.read_block(block, buffer.bytes(), *reading, call)) reading->stayed = true;
    }
  });
}

// False where it could not be evicted as it should.
bool Probe::read_block(const Block& block, std::span<std::byte> buffer, Reading& reading,
                       PendingCall& call) {
  if (reading.evict && !files_.make_absent(block)) return false;
  const os::TimePoint begin = os::Clock::now();
  const std::size_t got =
      files_.read(block, block.offset, buffer.first(whole_pages(block.bytes)), reading.way, call);
  reading.tally.add(begin, os::Clock::now(), got);
  return true;
}

ReadRate Probe::measure(const std::shared_ptr<Reading>& reading, unsigned threads) {
  reading->way = way();
  reading->evict = !figures_.direct;
  reading->stop_at = end_of(options_.level_time);
  read_in_threads(threads, reading);
  if (!figures_.direct) files_.drop_what_came();
  if (os::interrupted()) return not_measured("interrupted");
  return reading->tally.rate(reading->stayed ? "pages could not be evicted" : "nothing was read");
}

ReadRate Probe::measure_level(unsigned in_flight, std::vector<Block> blocks) {
  const auto level = std::make_shared<Reading>();
  level->blocks = std::move(blocks);
  ReadRate rate = measure(level, in_flight);
  const std::size_t used = std::min(level->next.load(), level->blocks.size());
  unread_.insert(unread_.begin(), level->blocks.begin() + static_cast<std::ptrdiff_t>(used),
                 level->blocks.end());
  return rate;
}

ReadRate Probe::measure_sequential(std::vector<Block> blocks) {
  if (!files_.observable()) return not_measured(k_unseen);
  if (blocks.empty()) return not_measured(k_nothing_unread);
  // What must be evicted must be read again in the end.
  constexpr std::size_t k_most_evicted = 128;
  if (files_.resident_bytes(blocks[0]) > 0 && blocks.size() > k_most_evicted) {
    blocks.resize(k_most_evicted);
  }
  const auto tally = std::make_shared<ReadTally>();
  const auto stayed = std::make_shared<std::atomic<bool>>(false);
  in_threads(1, give_up(),
             [tally, stayed, blocks = std::move(blocks)](Probe& probe, PendingCall& call) {
               constexpr std::size_t k_piece_bytes = std::size_t{128} << 10;
               for (const Block& block : blocks) {
                 if (!probe.files_.make_absent(block)) *stayed = true;
               }
               if (*stayed) return;
               probe.files_.set_readahead(ProbedFiles::Readahead::on);
               const os::Mapping buffer = os::Mapping::anonymous(k_piece_bytes);
               const os::TimePoint stop_at = probe.end_of(probe.options_.sequential_time);
               bool begun = false;  // the first read may open a stream, which is no rate
               for (const Block& block : blocks) {
                 for (std::uint64_t at = 0; at < block.bytes; at += k_piece_bytes) {
                   const os::TimePoint begin = os::Clock::now();
                   if (begin >= stop_at || os::interrupted()) return;
                   const std::size_t got = probe.files_.read(
                       block, block.offset + at, buffer.bytes(), ProbedFiles::Way::buffered, call);
                   const std::uint64_t bytes = std::min<std::size_t>(got, block.bytes - at);
                   if (std::exchange(begun, true)) tally->add(begin, os::Clock::now(), bytes);
                 }
               }
             });
  return tally->rate(*stayed ? "pages could not be evicted: they are mapped or locked"
                             : "nothing was read");
}

ReadLatency Probe::measure_latency(std::vector<Block> blocks) {
  std::erase_if(blocks, [](const Block& block) { return block.bytes < k_small_read_bytes; });
  if (blocks.empty()) return {std::nullopt, std::nullopt, k_nothing_unread, 0};
  const auto times_s = std::make_shared<std::vector<double>>();
  in_threads(1, give_up(), [times_s, blocks = std::move(blocks)](Probe& probe, PendingCall& call) {
    constexpr std::size_t k_most_reads = 4000;
    const os::Mapping buffer = os::Mapping::anonymous(k_small_read_bytes);
    const os::TimePoint stop_at = probe.end_of(probe.options_.latency_time);
    std::minstd_rand random(1);
    std::set<std::pair<std::size_t, std::uint64_t>> done;  // each place once
    probe.files_.set_readahead(ProbedFiles::Readahead::off);
    for (std::size_t attempt = 0; attempt < k_most_reads; ++attempt) {
      const Block& block = blocks[random() % blocks.size()];
      const std::uint64_t at = random() % (block.bytes / k_small_read_bytes) * k_small_read_bytes;
      if (!done.emplace(block.file, block.offset + at).second) continue;
      if (!probe.figures_.direct) {
        const Block page{block.file, block.offset + at, k_small_read_bytes};
        if (!probe.files_.make_absent(page)) continue;
      }
      const os::TimePoint begin = os::Clock::now();
      if (begin >= stop_at || os::interrupted()) return;
      probe.files_.read(block, block.offset + at, buffer.bytes(), probe.way(), call);
      times_s->push_back(os::seconds_between(begin, os::Clock::now()));
    }
  });
  if (!figures_.direct) files_.drop_what_came();
  std::vector<double>& times = *times_s;
  if (times.empty()) return {std::nullopt, std::nullopt, "no read could be timed", 0};
  std::sort(times.begin(), times.end());
  ReadLatency latency;
  latency.reads = times.size();
  latency.median_s = times[(times.size() - 1) / 2];
  constexpr std::size_t k_least_for_p99 = 100;
  if (times.size() >= k_least_for_p99) {
    latency.p99_s =
        times[static_cast<std::size_t>(std::ceil(0.99 * static_cast<double>(times.size()))) - 1];
  }
  return latency;
}

void Probe::measure_levels(const std::vector<std::size_t>& shares) {
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
      level.rate = measure_level(in_flight, take(0, shares[i]));
    }
    figures_.levels.push_back(std::move(level));
  }
}

void Probe::measure_one_reader(std::vector<Block> blocks) {
  options_.progress("storage, one reader");
  const std::string why = why_stop();
  figures_.sequential = why.empty() ? measure_sequential(std::move(blocks)) : not_measured(why);
}

void Probe::measure_storage() {
  if (files_.on_fuse()) {
    measure_daemon();
  } else {
    const std::vector<std::size_t> shares = share_blocks(unread_.size(), options_.in_flight);
    measure_levels(shares);
    const std::size_t most =
        blocks_for_one_reader(figures_.best_bytes_per_s(), options_.sequential_time);
    measure_one_reader(take_longest_run(std::min(shares[options_.in_flight.size()], most)));
  }
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
  const auto reading = std::make_shared<Reading>();
  for (const Block& block : files_.blocks()) {
    if (bytes_of(reading->blocks) >= bytes) break;
    reading->blocks.push_back(block);
  }
  reading->stop_at = end_of(options_.page_cache_time);
  files_.set_readahead(ProbedFiles::Readahead::on);
  read_in_threads(1, reading);
}

ReadRate Probe::measure_page_cache() {
  if (!files_.observable()) return not_measured(k_unseen);
  if (const std::string why = why_stop(); !why.empty()) return not_measured(why);
  options_.progress("page cache");
  constexpr std::uint64_t k_enough_bytes = std::uint64_t{256} << 20;
  const auto reading = std::make_shared<Reading>();
  reading->blocks = resident_blocks();
  if (bytes_of(reading->blocks) < std::min(k_enough_bytes, options_.page_cache_bytes)) {
    bring_in(std::min(k_enough_bytes, options_.page_cache_bytes));
    reading->blocks = resident_blocks();
  }
  if (reading->blocks.empty()) {
    return not_measured(options_.page_cache_bytes == 0 ? "no memory is left for the page cache"
                                                       : "nothing stays in the page cache here");
  }
  constexpr unsigned k_most_threads = 32;
  constexpr unsigned k_most_passes = 64;
  figures_.page_cache_threads = std::clamp(std::thread::hardware_concurrency(), 1U, k_most_threads);
  reading->passes = k_most_passes;
  reading->stop_at = os::Clock::now() + options_.page_cache_time;
  read_in_threads(figures_.page_cache_threads, reading);
  std::uint64_t left = 0;
  for (const Block& block : reading->blocks) left += files_.resident_bytes(block);
  constexpr double k_stayed = 0.98;
  if (static_cast<double>(left) < k_stayed * static_cast<double>(bytes_of(reading->blocks))) {
    return not_measured(
        "pages were dropped while they were read: memory is short or being reclaimed");
  }
  return reading->tally.rate("nothing was read");
}

void Probe::give_back() {
  // However long it takes: bounded by what was dropped, which is little.
  in_threads(1, os::Clock::now() + (give_up() - options_.deadline) * 3,
             [](Probe& probe, PendingCall& call) { probe.files_.restore(call); });
}

ReadFigures Probe::run() {
  in_threads(1, give_up(), [](Probe& probe, PendingCall& call) { probe.files_.open(call); });
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
    figures_.page_cache = measure_page_cache();
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

ReadFigures probe_reads(const std::vector<std::string>& paths, const ReadProbeOptions& options) {
  std::vector<std::string> some = spread_over(paths, most_probed_files());
  return std::make_shared<Probe>(std::move(some), options)->run();
}

}  // namespace coldload::storage
