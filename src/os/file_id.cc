#include "os/file_id.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace coldload::os {

FileId file_id(const Fd& file) {
  const struct stat info = file_status(file);
  return {info.st_dev, info.st_ino};
}

std::optional<FileId> file_id(const std::string& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), AT_STATX_DONT_SYNC, STATX_INO, &info) != 0) {
    return std::nullopt;
  }
  return FileId{::makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino};
}

}  // namespace coldload::os
