// Sizes, rates and durations as fio's and dd's people write them, and back.
//
// Layer: text. Pure functions; locale-independent.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coldload::text {

// "2GB" (10^9), "64MiB" (2^20), "512k" (dd's: 2^10), "4096". Nothing for what does not parse,
// is negative or overflows. "1.5GB" is allowed; the result is rounded to whole bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// Bytes per second from "250MB/s", "1GiB/s", "1Gbit/s", "10Gb/s" (bits: a small b), "250MB".
// Zero is refused: a path with no rate delivers nothing.
[[nodiscard]] std::optional<double> parse_rate(std::string_view text);

// "1ms", "250us", "0.5s", "2m", "1h"; a bare number is seconds. Not negative.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

// 0.05 from "5%", "5 %" or "0.05". Not negative.
[[nodiscard]] std::optional<double> parse_share(std::string_view text);

// "7.21 GB", "64 MB", "512 B": decimal units, three significant digits at least.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

// "1.52 GB/s".
[[nodiscard]] std::string format_rate(double bytes_per_s);

// "7.21", "64.0", "128": three significant digits at least.
[[nodiscard]] std::string three_digits(double value);

// A duration for people, in seconds: "0.42", "13.3", "128".
[[nodiscard]] std::string format_seconds(double seconds);

}  // namespace coldload::text
