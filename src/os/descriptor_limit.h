// How many files this process may have open, and what a program that it starts finds.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstddef>

namespace coldload::os {

// Raises the soft limit to the hard one, where that is allowed. Once, before there are threads.
void raise_descriptor_limit() noexcept;

// What is allowed now.
[[nodiscard]] std::size_t descriptor_limit() noexcept;

// Between fork and exec: the limit that this process was started with, so that what we start finds
// what it would find without us. A single system call; nothing where no limit was raised.
void restore_descriptor_limit() noexcept;

}  // namespace coldload::os
