// What a stand-in is and what it delivers, as text and JSON.
//
// Layer: storage. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "storage/shaped_fs.h"
#include "text/json.h"

namespace coldload::storage {

// The pace of a stand-in.
struct StandInPace {
  double rate_bytes_per_s = 0;
  std::chrono::nanoseconds latency{0};
  std::optional<double> requests_per_s;
};

// "250MB/s", "250MB/s,1ms", "250MB/s,1ms,3000iops". Throws os::Error that says what is wrong.
[[nodiscard]] StandInPace parse_stand_in(std::string_view text);

// Throws os::Error for a rate, latency or limit that cannot be served.
void check_pace(const StandInPace& pace);

// "250 MB/s, 1 ms latency".
[[nodiscard]] std::string to_string(const StandInPace& pace);

// What one stand-in was measured to deliver, on a mount of its own, before the one that is used.
struct Delivered {
  std::optional<double> read_bytes_per_s;      // one reader, read(2) of 1 MiB
  std::optional<double> mmap_bytes_per_s;      // one reader, through a mapping, page after page
  std::optional<double> parallel_bytes_per_s;  // four readers, read(2), together
  std::string not_measured;                    // why not, where something is missing
};

// What a stand-in says about itself.
struct StandInDescription {
  std::string source;
  std::string mount_point;
  pid_t server_pid = 0;
  StandInPace pace;
  OutsideLinks links = OutsideLinks::as_links;
  Backing backing = Backing::warm;
  std::optional<bool> warmed;  // whether the backing files were read once before; empty: not tried
  std::optional<std::uint64_t> readahead_bytes;  // of the mount
  std::uint32_t request_bytes = 0;               // largest read request
  Delivered delivered;
};

[[nodiscard]] text::json::object to_json(const StandInDescription& description);
[[nodiscard]] std::optional<StandInDescription> stand_in_from_json(const text::json::object& json);

// Where less than 95 % of the rate is delivered: "delivers X to one reader, asked Y: ...". Empty
// otherwise, and where nothing was measured.
[[nodiscard]] std::string shortfall(const StandInDescription& description);

// The readahead that lets one reader have the whole rate: four times what the line carries during
// the latency and a late wake-up, a power of two, 1 to 16 MiB. (Not simply the most: a page fault
// at random reads that much.)
[[nodiscard]] std::uint64_t needed_readahead(const StandInPace& pace);

}  // namespace coldload::storage
