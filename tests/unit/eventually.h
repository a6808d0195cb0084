// What unit tests wait for that no descriptor tells.
#pragma once

#include <unistd.h>

namespace coldload {

// Polls until `condition` holds; false after half a minute.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    ::usleep(10'000);
  }
  return false;
}

}  // namespace coldload
