// Where a copy grows until it is complete: a hidden sibling of the destination, which nobody else
// can write.
//
//   PARENT/.NAME.coldload-part/    lock, journal, manifest, and `data`, which becomes NAME
//
// Layer: stage. Knows nothing of how bytes are copied.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "os/directory.h"
#include "os/fd.h"
#include "stage/place.h"

namespace coldload::stage {

// What a part holds; nothing else.
inline constexpr const char* k_part_lock = "lock";
inline constexpr const char* k_part_journal = "journal";
inline constexpr const char* k_part_manifest = "manifest";
inline constexpr const char* k_part_data = "data";
inline constexpr const char* k_part_trash = "trash";
// A destination that was taken out of sight, and may yet have to go back: never removed.
inline constexpr const char* k_part_taken = "taken";

// The one that stages to this place: the part directory, open, with its lock, which ends with its
// process.
class PlaceLock {
 public:
  // Takes the lock, making the part directory, mode 0700. One that is there is gone on with if it
  // is ours; what others could have put into it is removed. Nothing if somebody else holds the
  // lock. Throws os::Error where it is another user's or none that coldload made, with what to do;
  // os::SystemError where it cannot be made.
  [[nodiscard]] static std::optional<PlaceLock> try_take(const Place& place);

  [[nodiscard]] const os::Directory& part() const { return *part_; }
  // Whether something of that name is in the part.
  [[nodiscard]] bool holds(const char* name) const { return part_->look(name).has_value(); }
  // `data`, made if it is not there. Throws os::Error.
  [[nodiscard]] std::shared_ptr<const os::Directory> data() const;

  // Removes the part directory with all that is in it, and with it the lock; where it holds
  // `taken`, all but the three.
  void remove_part();
  // Whether the directory is where it was, and its lock's file in it.
  [[nodiscard]] bool still_holds() const;
  // Until this process ends: threads may still write there.
  void keep_for_good();

 private:
  PlaceLock(Place place, std::shared_ptr<const os::Directory> part, os::Fd file)
      : place_(std::move(place)), part_(std::move(part)), file_(std::move(file)) {}

  Place place_;
  std::shared_ptr<const os::Directory> part_;
  os::Fd file_;
};

}  // namespace coldload::stage
