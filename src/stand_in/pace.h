// The pace of a stand-in: a rate, a latency and two limits, read from text and written as text.
//
// Layer: stand_in. Pure functions.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coldload::stand_in {

struct Pace {
  double rate_bytes_per_s = 0;  // for all readers together, on whichever mount
  std::chrono::nanoseconds latency{0};
  std::optional<double> requests_per_s = std::nullopt;
  std::optional<double> stream_bytes_per_s = std::nullopt;  // for each open file
  std::optional<double> client_bytes_per_s = std::nullopt;  // for each mount
  std::string preset = {};  // the model that gave the figures; empty: given one by one
};

// A named pace: a model of storage from what its vendor publishes, never a measurement.
struct Preset {
  const char* name;
  const char* spec;  // as parse_pace() reads it
};

// docs/stand-in.md has the same table with each figure's source; a test compares the two.
inline constexpr std::array<Preset, 6> k_presets{{
    {"ebs-gp3", "125MiB/s,1ms,3000iops"},
    {"efs", "500MiB/s,1ms"},
    {"efs-elastic", "1500MiB/s,1ms"},
    {"nfs-1gbe", "117.5MB/s,500us"},
    {"nfs-10gbe", "1175MB/s,500us"},
    {"s3", "1175MB/s,100ms,5500iops,90MB/s/stream"},
}};

// "250MB/s", "250MB/s,1ms", "250MB/s,1ms,3000iops", "1GB/s,1ms,60MB/s/stream",
// "1GB/s,1ms,500MB/s/client", or a preset's name.
// Throws os::Error that says what is wrong.
[[nodiscard]] Pace parse_pace(std::string_view text);

// The preset of that name. Throws os::Error that lists the names.
[[nodiscard]] Pace preset_pace(std::string_view name);

// Throws os::Error for a rate, latency or limit that cannot be served.
void check_pace(const Pace& pace);

[[nodiscard]] double latency_s_of(const Pace& pace);

// What `readers` of a file each can get together on one mount.
[[nodiscard]] double rate_for(const Pace& pace, unsigned readers);

// The readahead that lets one reader have all that it can get: four times what the line carries
// during the latency and a late wake-up, a power of two, 1 to 16 MiB. (Not simply the most: a page
// fault at random reads that much.)
[[nodiscard]] std::uint64_t needed_readahead(const Pace& pace);

// "250 MB/s, 1 ms latency".
[[nodiscard]] std::string to_string(const Pace& pace);

// "250MB/s,1ms": the same figures as parse_pace() reads them.
[[nodiscard]] std::string spec_of(const Pace& pace);

}  // namespace coldload::stand_in
