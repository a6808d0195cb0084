#include "os/clock.h"

#include <ctime>

#include <fmt/chrono.h>

namespace coldload::os {

std::string utc_timestamp() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace coldload::os
