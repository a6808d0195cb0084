// How a mounted stand-in (stand_in/) is known and asked: by its file system's type, and through
// extended attributes that its server answers.
//
// Layer: storage. Knows nothing of model formats or servers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coldload::storage {

inline constexpr char k_stand_in_fs_type[] = "fuse.coldload";
inline constexpr char k_stand_in_attribute[] = "user.coldload.stand_in";  // a description, JSON
inline constexpr char k_bytes_served_attribute[] = "user.coldload.bytes_served";

// What the stand-in that `path` lies on answers. Touches no file of it. Nothing where `path` lies
// on none, or nobody answers.
[[nodiscard]] std::optional<std::string> stand_in_attribute(const std::string& path,
                                                            const char* name);

// Bytes that the stand-in below `path` has served since it was mounted, to everybody; live.
[[nodiscard]] std::optional<std::uint64_t> stand_in_bytes_served(const std::string& path);

}  // namespace coldload::storage
