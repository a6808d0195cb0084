// Named paces: models of storage from what its vendor publishes, never measurements.
//
// docs/stand-in.md has the same table with each figure's source; a test compares the two.
//
// Layer: stand_in. Constants.
#pragma once

#include <array>

namespace coldload::stand_in {

struct Preset {
  const char* name;
  const char* spec;  // as parse_pace() reads it
};

inline constexpr std::array<Preset, 6> k_presets{{
    {"ebs-gp3", "125MiB/s,1ms,3000iops"},
    {"efs", "500MiB/s,1ms"},
    {"efs-elastic", "1500MiB/s,1ms"},
    {"nfs-1gbe", "117.5MB/s,500us"},
    {"nfs-10gbe", "1175MB/s,500us"},
    {"s3", "1175MB/s,100ms,5500iops,90MB/s/stream"},
}};

}  // namespace coldload::stand_in
