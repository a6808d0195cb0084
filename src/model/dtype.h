// Element types of safetensors, as its library names them (0.8), with their sizes.
//
// Layer: model. Knows nothing of files or storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace coldload::model {

enum class Dtype : std::uint8_t {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64,
};
inline constexpr std::size_t k_dtype_count = 22;

// "BF16", as the header spells it.
[[nodiscard]] std::string_view name_of(Dtype dtype);

// Bits of one element: 4 and 6 for the sub-byte types.
[[nodiscard]] unsigned bits_of(Dtype dtype);

// Nothing for a name that safetensors does not know. Case counts.
[[nodiscard]] std::optional<Dtype> parse_dtype(std::string_view name);

}  // namespace coldload::model
