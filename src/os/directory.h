// A directory by its descriptor: what is opened, made, renamed or removed in it is in it, whatever
// others do to the path that led there or plant in its place.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>
#include <sys/types.h>

#include "os/fd.h"

namespace coldload::os {

// A name is one or several below the directory, as in "sub/file"; never absolute, never with "..".
// No link is followed in any part of it: one is ELOOP. Throws SystemError that names the whole
// path, where nothing else is said.
class Directory {
 public:
  Directory() = default;
  // Links in `path` are followed: whoever named it means what it leads to.
  [[nodiscard]] static Directory open(const std::string& path);
  // From here by a path whose links are followed, as open() does.
  [[nodiscard]] Directory reached_by(const std::string& path) const;
  // The same directory by another descriptor.
  [[nodiscard]] Directory again() const;

  [[nodiscard]] const std::string& path() const { return fd_.path(); }
  // To be shown: where `name` lies.
  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] const Fd& descriptor() const { return fd_; }

  [[nodiscard]] Directory subdirectory(const std::string& name) const;
  // False where something has that name already, be it a directory or not.
  [[nodiscard]] bool make_subdirectory(const std::string& name, mode_t mode) const;

  // openat(2) with O_CLOEXEC and without links.
  [[nodiscard]] Fd open_file(const std::string& name, int flags, mode_t mode = 0) const;
  // A new file for writing; EEXIST where something has that name.
  [[nodiscard]] Fd create_file(const std::string& name, mode_t mode) const;
  // A new file for writing, with a name that nobody can guess: PREFIX and 16 hex digits.
  [[nodiscard]] Fd create_unguessable(const std::string& prefix, mode_t mode,
                                      std::string* name) const;

  // Of `name` itself, a link or not. Nothing where nothing has that name.
  [[nodiscard]] std::optional<struct stat> look(const std::string& name) const;
  [[nodiscard]] std::string read_link(const std::string& name) const;

  // renameat2(2). Of both names only the last part is looked up here.
  void rename(const std::string& name, const Directory& to, const std::string& new_name,
              unsigned flags = 0) const;
  // False where nothing has that name. Anything but a directory.
  bool remove_file(const std::string& name) const;
  // With all that is in it, but for what is mounted there: that is EXDEV. Nothing where nothing has
  // that name.
  void remove_tree(const std::string& name) const;
  // Calls take(name) for what lies in it until that answers false. Throws SystemError where the
  // list breaks off.
  void for_each_name(const std::function<bool(const char*)>& take) const;

  // Makes what it lists durable; some network file systems cannot, and are not asked twice.
  void flush() const;
  // The owner that this user's new files have here: another one where a server maps users (NFS with
  // root_squash, a mount with uid=). Makes a file to see it, and removes it.
  [[nodiscard]] uid_t owner_of_new_files() const;

 private:
  explicit Directory(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace coldload::os
