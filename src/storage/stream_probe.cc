// The part of a read probe for mounts that a daemon answers for. Many of them stream each file:
// what two readers of one file get is then far less than what one gets, and says nothing of what
// several files beside each other would bring.

#include <algorithm>
#include <chrono>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "os/mapping.h"
#include "storage/probe.h"
#include "text/units.h"

namespace coldload::storage {

namespace {

using Stream = std::vector<Block>;

// One read of a daemon's, at most.
constexpr std::uint64_t k_piece_bytes = std::uint64_t{1} << 20;
constexpr double k_far_less = 0.25;

// Blocks cut into pieces.
Stream pieces_of(const Stream& blocks) {
  Stream pieces;
  for (const Block& block : blocks) {
    for (std::uint64_t at = 0; at < block.bytes; at += k_piece_bytes) {
      pieces.push_back({block.file, block.offset + at, std::min(k_piece_bytes, block.bytes - at)});
    }
  }
  return pieces;
}

}  // namespace

std::vector<Stream> Probe::take_streams(std::size_t files, std::size_t count) {
  std::vector<Stream> by_file(paths_.size());
  for (const Block& block : unread_) by_file[block.file].push_back(block);
  std::stable_sort(by_file.begin(), by_file.end(),
                   [](const Stream& a, const Stream& b) { return a.size() > b.size(); });
  by_file.resize(std::min(files, by_file.size()));
  std::set<std::pair<std::size_t, std::uint64_t>> taken;
  for (Stream& stream : by_file) {
    stream.resize(std::min(count, stream.size()));
    for (const Block& block : stream) taken.emplace(block.file, block.offset);
  }
  std::erase_if(unread_, [&](const Block& block) {
    return taken.find({block.file, block.offset}) != taken.end();
  });
  return by_file;
}

// Each in a thread of its own. The first piece, which opens the stream, is in no rate.
ReadRate Probe::read_streams(std::vector<Stream> streams, os::Seconds most) {
  const auto reading = std::make_shared<Reading>();
  const auto threads = static_cast<unsigned>(streams.size());
  reading->way = way();
  reading->evict = !figures_.direct;
  reading->stop_at = end_of(std::chrono::duration_cast<std::chrono::nanoseconds>(most));
  in_threads(threads, give_up(),
             [reading, streams = std::move(streams)](Probe& probe, PendingCall& call) {
               const os::Mapping buffer = os::Mapping::anonymous(k_piece_bytes);
               const Stream& own = streams[reading->next++];
               Reading opening;
               opening.way = reading->way;
               opening.evict = reading->evict;
               for (std::size_t i = 0; i < own.size(); ++i) {
                 if (os::Clock::now() >= reading->stop_at || os::interrupted()) return;
                 Reading& counted = i == 0 ? opening : *reading;
                 if (!probe.read_block(own[i], buffer.bytes(), counted, call)) {
                   reading->stayed = true;
                 }
               }
             });
  if (!figures_.direct) files_.drop_what_came();
  return reading->tally.rate(reading->stayed ? "pages could not be evicted" : "nothing was read");
}

std::string Probe::why_one_stream() {
  const ReadRate& reader = figures_.sequential;  // also where it read too little to tell a floor
  if (reader.bytes == 0 || (!figures_.direct && !files_.observable())) return "";
  const double one = static_cast<double>(reader.bytes) / reader.seconds;
  constexpr std::ptrdiff_t k_blocks = 2;  // of each place
  Stream file = take_streams(1, unread_.size()).front();
  if (file.size() < 2 * k_blocks) {
    unread_.insert(unread_.begin(), file.begin(), file.end());
    return "";
  }
  options_.progress("storage, two places of one file");
  const auto middle = file.begin() + static_cast<std::ptrdiff_t>(file.size() / 2);
  const Stream first = pieces_of({file.begin(), file.begin() + k_blocks});
  const Stream second = pieces_of({middle, middle + k_blocks});
  unread_.insert(unread_.begin(), middle + k_blocks, file.end());
  unread_.insert(unread_.begin(), file.begin() + k_blocks, middle);
  constexpr double k_start_s = 0.3;
  const double at_one_s = static_cast<double>(2 * k_blocks * k_request_bytes) / one;
  const ReadRate two =
      read_streams({first, second}, os::Seconds(k_start_s + at_one_s / k_far_less));
  const double rate = two.seconds > 0 ? static_cast<double>(two.bytes) / two.seconds : 0;
  if (two.bytes > 0 && rate >= k_far_less * one) return "";
  return fmt::format("its daemon streams a file: two places at once brought {}",
                     two.bytes == 0 ? "nothing in time" : text::format_rate(rate));
}

// Several files beside each other, in one place of each.
void Probe::measure_streams(const std::string& why_no_more) {
  std::set<std::size_t> files;
  for (const Block& block : unread_) files.insert(block.file);
  constexpr std::size_t k_levels_to_come = 4;
  for (const unsigned in_flight : options_.in_flight) {
    LevelRate level{in_flight, {}};
    const std::size_t each = unread_.size() / (k_levels_to_come * in_flight);
    if (const std::string why = why_stop(); !why.empty()) {
      level.rate = not_measured(why);
    } else if (in_flight > files.size()) {
      level.rate = not_measured(why_no_more);
    } else if (each == 0) {
      level.rate = not_measured("the checkpoint is too small: too little unread was left");
    } else {
      options_.progress(fmt::format("storage, {} files", in_flight));
      std::vector<Stream> streams = take_streams(in_flight, each);
      for (Stream& stream : streams) stream = pieces_of(stream);
      level.rate = read_streams(std::move(streams), options_.level_time);
    }
    figures_.levels.push_back(std::move(level));
  }
}

// Where more requests make the daemon stumble, the one reader has told before what it can do: half
// of a small checkpoint is for that.
void Probe::measure_daemon() {
  constexpr std::size_t k_telling_blocks = 40;
  const std::size_t share =
      share_blocks(unread_.size(), options_.in_flight)[options_.in_flight.size()];
  const std::size_t most = blocks_for_one_reader(std::nullopt, options_.sequential_time);
  const std::size_t count =
      std::max(std::min(share, most), std::min(k_telling_blocks, unread_.size() / 2));
  measure_one_reader(take(0, count));  // one file after the other
  // What readahead may have brought besides is read by nobody.
  constexpr std::size_t k_readahead_blocks = 8;
  static_cast<void>(take(0, std::min(k_readahead_blocks, unread_.size() / 8)));
  files_.set_readahead(ProbedFiles::Readahead::off);
  const std::string why_one = why_one_stream();
  if (why_one.empty()) {
    measure_levels(share_blocks(unread_.size(), options_.in_flight));
  } else {
    measure_streams(why_one);
  }
}

}  // namespace coldload::storage
