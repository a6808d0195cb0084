#include "stage/ownership.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::stage {

std::string words_of_owner(uid_t owner) { return fmt::format("belongs to uid {}", owner); }

bool Ownership::is_ours(uid_t owner) {
  if (owner == ::geteuid()) return true;
  if (!std::exchange(asked_, true)) {
    try {
      of_new_files_ = directory_.owner_of_new_files();
    } catch (const os::SystemError&) {
      // We can make nothing there: nothing there is mapped to be ours.
    }
  }
  return owner == of_new_files_;
}

std::optional<os::Fd> open_own(const os::Directory& directory, const std::string& name, int flags) {
  const auto is_own = [&](const struct stat& info) {
    return S_ISREG(info.st_mode) && info.st_nlink == 1 &&
           info.st_uid == os::file_status(directory.descriptor()).st_uid;
  };
  const auto info = directory.look(name);
  if (!info || !is_own(*info)) return std::nullopt;
  // One that was complete may have been left without our own right to write.
  constexpr mode_t k_own_rights = 0600;
  if ((info->st_mode & k_own_rights) != k_own_rights &&
      ::fchmodat(directory.descriptor().get(), name.c_str(), (info->st_mode & 07777) | k_own_rights,
                 0) != 0) {
    throw os::SystemError("change the mode of", directory.path_of(name), errno);
  }
  os::Fd file = directory.open_file(name, flags | O_NONBLOCK);
  if (!is_own(os::file_status(file))) return std::nullopt;
  return file;
}

}  // namespace coldload::stage
