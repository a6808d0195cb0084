// A tensor in memory as DLPack hands it from one library to another.
//
// Layer: api. Own minimal declarations of dlpack.h (https://dmlc.github.io/dlpack): types, not
// code.
#pragma once

#include <cstdint>

#include "api/session.h"

namespace coldload::api {

// A DLManagedTensor, or a DLManagedTensorVersioned of DLPack 1.0, which owns a share of the memory
// until its deleter is called. `as_bytes`: one dimension of U8. Throws os::Error where DLPack has
// no such dtype.
[[nodiscard]] void* to_dlpack(const Landed& landed, bool versioned, bool as_bytes);
// Calls its deleter.
void delete_dlpack(void* managed, bool versioned) noexcept;

}  // namespace coldload::api
