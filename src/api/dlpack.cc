#include "api/dlpack.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::api {

namespace {

struct DlDevice {
  std::int32_t type = 1;  // kDLCPU; 2: kDLCUDA
  std::int32_t id = 0;
};
struct DlType {
  std::uint8_t code = 0;
  std::uint8_t bits = 0;
  std::uint16_t lanes = 1;
};
struct DlTensor {
  void* data = nullptr;
  DlDevice device;
  std::int32_t rank = 0;
  DlType type;
  std::int64_t* shape = nullptr;
  std::int64_t* strides = nullptr;
  std::uint64_t byte_offset = 0;
};
struct DlManaged {
  DlTensor tensor;
  void* context = nullptr;
  void (*deleter)(DlManaged*) = nullptr;
};
struct DlManagedVersioned {
  std::uint32_t major = 1;
  std::uint32_t minor = 1;  // which brought the 8-bit floats
  void* context = nullptr;
  void (*deleter)(DlManagedVersioned*) = nullptr;
  std::uint64_t flags = 0;
  DlTensor tensor;
};

// Nothing where DLPack 1.1 has none.
std::optional<DlType> type_of(model::Dtype dtype) {
  constexpr std::uint8_t k_int = 0;
  constexpr std::uint8_t k_uint = 1;
  constexpr std::uint8_t k_float = 2;
  constexpr std::uint8_t k_bfloat = 4;
  constexpr std::uint8_t k_complex = 5;
  constexpr std::uint8_t k_bool = 6;
  constexpr std::uint8_t k_float8_e4m3fn = 10;
  constexpr std::uint8_t k_float8_e4m3fnuz = 11;
  constexpr std::uint8_t k_float8_e5m2 = 12;
  constexpr std::uint8_t k_float8_e5m2fnuz = 13;
  constexpr std::uint8_t k_float8_e8m0fnu = 14;
  const auto type = [dtype](std::uint8_t code) {
    return DlType{code, static_cast<std::uint8_t>(model::bits_of(dtype)), 1};
  };
  switch (dtype) {
    case model::Dtype::boolean:
      return type(k_bool);
    case model::Dtype::u8:
    case model::Dtype::u16:
    case model::Dtype::u32:
    case model::Dtype::u64:
      return type(k_uint);
    case model::Dtype::i8:
    case model::Dtype::i16:
    case model::Dtype::i32:
    case model::Dtype::i64:
      return type(k_int);
    case model::Dtype::f16:
    case model::Dtype::f32:
    case model::Dtype::f64:
      return type(k_float);
    case model::Dtype::bf16:
      return type(k_bfloat);
    case model::Dtype::c64:
      return type(k_complex);
    case model::Dtype::f8_e4m3:
      return type(k_float8_e4m3fn);
    case model::Dtype::f8_e4m3fnuz:
      return type(k_float8_e4m3fnuz);
    case model::Dtype::f8_e5m2:
      return type(k_float8_e5m2);
    case model::Dtype::f8_e5m2fnuz:
      return type(k_float8_e5m2fnuz);
    case model::Dtype::f8_e8m0:
      return type(k_float8_e8m0fnu);
    case model::Dtype::f4:  // packed two in a byte, which DLPack pads
    case model::Dtype::f6_e2m3:
    case model::Dtype::f6_e3m2:
      return std::nullopt;
  }
  return std::nullopt;
}

// What is given away, with what it points to.
template <class Managed>
struct Share {
  Managed managed;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // in elements: rows one after the other
  std::shared_ptr<const void> memory;
  pid_t process = ::getpid();  // a fork's child must not take the locks of the room
};

template <class Managed>
void* give(DlTensor tensor, std::vector<std::int64_t> shape, std::shared_ptr<const void> memory) {
  auto share = std::make_unique<Share<Managed>>();
  share->shape = std::move(shape);
  share->strides.assign(share->shape.size(), 1);
  for (std::size_t i = share->shape.size(); i > 1; --i) {
    share->strides[i - 2] = share->strides[i - 1] * share->shape[i - 1];
  }
  share->memory = std::move(memory);
  tensor.shape = share->shape.data();
  tensor.strides = share->strides.data();
  tensor.rank = static_cast<std::int32_t>(share->shape.size());
  share->managed.tensor = tensor;
  share->managed.context = share.get();
  share->managed.deleter = [](Managed* managed) {
    auto* const own = static_cast<Share<Managed>*>(managed->context);
    if (own->process == ::getpid()) delete own;
  };
  return &share.release()->managed;
}

}  // namespace

void* to_dlpack(const Landed& landed, bool versioned, bool as_bytes) {
  const Tensor& of = landed.tensor();
  const auto type = as_bytes ? type_of(model::Dtype::u8) : type_of(of.dtype);
  if (!type) {
    throw os::Error(
        fmt::format("cannot hand \"{}\" over by DLPack, which has no {}: take its bytes", of.name,
                    model::name_of(of.dtype)));
  }
  DlTensor tensor;
  std::memcpy(&tensor.data, &landed.address, sizeof tensor.data);
  if (landed.gpu) tensor.device = {2, *landed.gpu};
  tensor.type = *type;
  std::vector<std::int64_t> shape;
  if (as_bytes) {
    shape.push_back(static_cast<std::int64_t>(landed.wanted.bytes()));
  } else {
    for (const std::uint64_t length : landed.shape()) {
      shape.push_back(static_cast<std::int64_t>(length));
    }
  }
  return versioned ? give<DlManagedVersioned>(tensor, std::move(shape), landed.memory)
                   : give<DlManaged>(tensor, std::move(shape), landed.memory);
}

void delete_dlpack(void* managed, bool versioned) noexcept {
  if (versioned) {
    auto* const tensor = static_cast<DlManagedVersioned*>(managed);
    tensor->deleter(tensor);
  } else {
    auto* const tensor = static_cast<DlManaged*>(managed);
    tensor->deleter(tensor);
  }
}

}  // namespace coldload::api
