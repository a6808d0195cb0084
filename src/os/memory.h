// How much memory this machine has, and how much of it may still be used.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace coldload::os {

// MemTotal; nothing where /proc does not say.
[[nodiscard]] std::optional<std::uint64_t> total_memory_bytes();

// MemFree: what nobody uses, not even the page cache; nothing where /proc does not say.
[[nodiscard]] std::optional<std::uint64_t> free_memory_bytes();

// The least of MemAvailable and what the memory cgroups above us leave, the page cache not counted
// as used: what the page cache or this process could grow to. Nothing where /proc does not say.
[[nodiscard]] std::optional<std::uint64_t> available_memory_bytes();
// The same of a machine whose /proc and /sys lie below `root`.
[[nodiscard]] std::optional<std::uint64_t> available_memory_bytes_at(const std::string& root);

}  // namespace coldload::os
