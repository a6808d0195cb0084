// What a stand-in is and what it delivers, as text and JSON.
//
// Layer: stand_in. Pure functions.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "stand_in/setup.h"
#include "text/json.h"

namespace coldload::stand_in {

// What one stand-in was measured to deliver, on a mount of its own, before the one that is used.
struct Delivered {
  std::optional<double> read_bytes_per_s;      // one reader, read(2) of 1 MiB
  std::optional<double> mmap_bytes_per_s;      // one reader, through a mapping, page after page
  std::optional<double> parallel_bytes_per_s;  // four readers, read(2), together
  std::string not_measured;                    // why not, where something is missing
};

// What a stand-in says about itself: its setup as it came to be, and what came of it.
struct Description : Setup {
  pid_t server_pid = 0;
  std::optional<bool> warmed;  // whether the backing files were read once before; empty: not tried
  Delivered delivered;
};

[[nodiscard]] text::json::object to_json(Description description);
// Nothing where source, mount point, rate or latency is missing; the rest may be, as an older
// coldload's would.
[[nodiscard]] std::optional<Description> description_from_json(const text::json::object& object);

// Where less than 95 % of the rate is delivered: "delivers X to one reader, asked Y: ...". Empty
// otherwise, and where nothing was measured.
[[nodiscard]] std::string shortfall(const Description& description);

}  // namespace coldload::stand_in
