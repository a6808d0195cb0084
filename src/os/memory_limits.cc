#include "os/memory_limits.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

#include <fmt/format.h>
#include <sys/resource.h>

namespace coldload::os {

namespace {

struct Limit {
  __rlimit_resource_t resource;
  const char* of_what;
  const char* names;
};

constexpr std::array<Limit, 2> k_limits{{{RLIMIT_AS, "addresses", "RLIMIT_AS, ulimit -v"},
                                         {RLIMIT_DATA, "data", "RLIMIT_DATA, ulimit -d"}}};

constexpr std::size_t k_most_text = 256;
using Text = fmt::basic_memory_buffer<char, k_most_text>;  // allocates only past that

void add_limits(Text* text) {
  for (const Limit& limit : k_limits) {
    rlimit now{};
    if (::getrlimit(limit.resource, &now) != 0 || now.rlim_cur == RLIM_INFINITY) continue;
    constexpr unsigned k_kib_shift = 10;
    fmt::format_to(std::back_inserter(*text), "; this process may have {} KiB of {} ({})",
                   now.rlim_cur >> k_kib_shift, limit.of_what, limit.names);
  }
}

class OutOfMemory : public std::bad_alloc {
 public:
  OutOfMemory() noexcept {
    Text text;
    fmt::format_to(std::back_inserter(text), "out of memory");
    add_limits(&text);
    std::copy_n(text.data(), std::min(text.size(), text_.size() - 1), text_.data());
  }
  [[nodiscard]] const char* what() const noexcept override { return text_.data(); }

 private:
  std::array<char, k_most_text> text_{};  // ends in a zero
};

}  // namespace

std::string memory_limits_text() {
  Text text;
  add_limits(&text);
  return fmt::to_string(text);
}

void explain_failed_allocations() noexcept {
  std::set_new_handler([] { throw OutOfMemory(); });
}

}  // namespace coldload::os
