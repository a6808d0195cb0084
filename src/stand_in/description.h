// What a stand-in is and what it delivers, as text and JSON.
//
// Layer: stand_in. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "stand_in/pace.h"
#include "stand_in/read_faults.h"
#include "stand_in/shaped_fs.h"
#include "text/json.h"

namespace coldload::stand_in {

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
  MountAccess access = MountAccess::owner;
  ReadFaults faults;
  std::optional<bool> warmed;  // whether the backing files were read once before; empty: not tried
  std::optional<std::uint64_t> readahead_bytes;  // of the mount
  std::uint32_t request_bytes = 0;               // largest read request
  Delivered delivered;
};

// "reads fail after 1.00 GB, 1 % of the read requests fail": what goes wrong on purpose.
[[nodiscard]] std::string to_string(const ReadFaults& faults);

[[nodiscard]] text::json::object to_json(const StandInDescription& description);
[[nodiscard]] std::optional<StandInDescription> stand_in_from_json(const text::json::object& json);

// Where less than 95 % of the rate is delivered: "delivers X to one reader, asked Y: ...". Empty
// otherwise, and where nothing was measured.
[[nodiscard]] std::string shortfall(const StandInDescription& description);

// The readahead that lets one reader have all that it can get: four times what the line carries
// during the latency and a late wake-up, a power of two, 1 to 16 MiB. (Not simply the most: a page
// fault at random reads that much.)
[[nodiscard]] std::uint64_t needed_readahead(const StandInPace& pace);

}  // namespace coldload::stand_in
