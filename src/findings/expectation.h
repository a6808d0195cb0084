// What a stand-in's rate says the load time must be, to hold the measurement against.
//
// Layer: findings. Knows no word of a report.
#pragma once

#include <vector>

#include "findings/comparison.h"

namespace coldload::findings {

// For every stand-in arm and every rate known of it: named, delivered to read, delivered to mmap
// (not for the native loader, which does not map). `arms` must be summarized.
//
// Native loader: the larger of bytes / rate and the warm time, as its reads overlap with all else.
// A server: bytes / rate plus the warm time (this arm's, else the first arm's that has one);
// without a warm time it is a lower bound, and rest_s is nothing.
[[nodiscard]] std::vector<Expectation> expectations_of(const Comparison& comparison);

}  // namespace coldload::findings
