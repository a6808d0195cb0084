// A staged directory and its manifest as they are found: whose they are, and whether they are what
// was staged.
//
// Layer: stage. Knows nothing of sources.
#pragma once

#include <optional>
#include <string>

#include "os/directory.h"
#include "stage/manifest.h"
#include "stage/place.h"

namespace coldload::stage {

// The manifest beside the destination. Nothing where there is none. Throws os::Error for what is no
// file, cannot be read, belongs neither to this user nor to root, or may be written by others: that
// says nothing that could be trusted.
[[nodiscard]] std::optional<Manifest> read_manifest(const Place& place);

// Why the regular file at the manifest's name is none, whoever wrote it. Empty: it is one.
[[nodiscard]] std::string why_no_manifest(const Place& place);

struct Likeness {
  std::string difference;  // a sentence about the first one; empty: it is as it was staged
  // What of it others may write, the first one with its mode: only its hashes tell whether its
  // bytes are as they were. Empty: nobody can have changed them.
  std::string writable;
};

// Whether `directory` is what the manifest describes, as far as names, sizes, times and owners
// tell: all in it belongs to this user or root, and none of it is a link. Throws os::SystemError
// where it cannot be listed.
[[nodiscard]] Likeness likeness(const Place& place, const Manifest& manifest,
                                const os::Directory& directory);

}  // namespace coldload::stage
