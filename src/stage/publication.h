// How what is complete comes to its place, or leaves it, each in one step.
//
// Layer: stage. Knows nothing of how bytes are copied.
#pragma once

#include <functional>
#include <string>

#include "os/directory.h"
#include "stage/destination.h"
#include "stage/manifest.h"
#include "stage/part.h"

namespace coldload::stage {

// Throws os::Error where what lies at the manifest's name cannot be replaced by one, or, beside no
// destination, is a file that is none: to be told before a copy and not after it.
void require_place_for_manifest(const Place& place, const Destination& there);
// Writes the manifest beside the destination, durable; the old one is there until then.
void publish_manifest(const Place& place, const PlaceLock& lock, const Manifest& manifest);
// Removes it again, if it is ours; nothing where there is none.
void withdraw_manifest(const Place& place);

// `data` becomes the destination in one step. Throws os::Error where it exists.
void publish(const Place& place, const PlaceLock& lock);
// Whether this file system can let two directories change places in one step; tried.
[[nodiscard]] bool can_exchange(const PlaceLock& lock);
// `data` and the destination change places in one step. Throws os::Error.
void publish_by_exchange(const Place& place, const PlaceLock& lock);

// Takes the destination out of sight in one step, then removes it with its manifest. Returns why it
// stays, or nothing. `why_it_stays` is asked of it before, and again where nobody else can change
// it any more: what it was asked of is what is removed. What is to stay and cannot be put back, as
// another directory came to its place, stays in the part, and the answer says where. Throws
// os::Error.
using WhyItStays = std::function<std::string(const os::Directory& destination)>;
[[nodiscard]] std::string remove_destination(const Place& place, const PlaceLock& lock,
                                             const WhyItStays& why_it_stays);
// Puts back what a removal had taken that was killed before it had looked again. Returns why that
// cannot be done and where it lies, or nothing.
[[nodiscard]] std::string restore_taken(const Place& place, const PlaceLock& lock);

}  // namespace coldload::stage
