// Limits on the memory of this process alone, which make allocations and mappings fail while the
// machine has plenty, and their words.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <new>
#include <string>

namespace coldload::os {

// "; this process may have 204800 KiB of addresses (RLIMIT_AS, ulimit -v)", and so for RLIMIT_DATA
// (ulimit -d); empty where neither is limited. Goes behind a message of memory that is not had.
[[nodiscard]] std::string memory_limits_text();

// From here on, operator new that fails throws a std::bad_alloc whose what() says that memory is
// out and names such limits. Call it before threads are started.
void explain_failed_allocations() noexcept;

}  // namespace coldload::os
