#include "model/dtype.h"

#include <array>
#include <cstddef>

namespace coldload::model {

namespace {

struct DtypeFacts {
  std::string_view name;
  unsigned bits;
};

// In the enum's order.
constexpr std::array<DtypeFacts, k_dtype_count> k_dtypes{{
    {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
    {"I64", 64},        {"U64", 64},
}};
static_assert(static_cast<std::size_t>(Dtype::u64) + 1 == k_dtype_count);

}  // namespace

std::string_view name_of(Dtype dtype) { return k_dtypes[static_cast<std::size_t>(dtype)].name; }

unsigned bits_of(Dtype dtype) { return k_dtypes[static_cast<std::size_t>(dtype)].bits; }

std::optional<Dtype> parse_dtype(std::string_view name) {
  for (std::size_t i = 0; i < k_dtypes.size(); ++i) {
    if (k_dtypes[i].name == name) return static_cast<Dtype>(i);
  }
  return std::nullopt;
}

}  // namespace coldload::model
