#include "os/file.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/directory.h"
#include "os/error.h"
#include "os/interrupt.h"
#include "os/output_place.h"
#include "os/standard_streams.h"

namespace coldload::os {

std::string read_text(const std::string& path, std::size_t limit_bytes) {
  const Fd file = open_file(path, O_RDONLY | O_NONBLOCK);
  std::string text;
  while (read_some(file, &text)) {
    if (text.size() > limit_bytes) {
      throw Error(fmt::format("cannot read {}: it is larger than {} bytes", path, limit_bytes));
    }
  }
  return text;
}

std::optional<std::string> try_read_text(const std::string& path, std::size_t limit_bytes) {
  try {
    std::string text = read_text(path, limit_bytes);
    const auto end = text.find_last_not_of(" \t\r\n");
    text.resize(end == std::string::npos ? 0 : end + 1);
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

namespace {

// Waits for a FIFO's reader, who may come a moment later; an interrupt ends that.
Fd open_fifo(const OutputPlace& place) {
  constexpr std::chrono::seconds k_patience{30};
  constexpr std::chrono::milliseconds k_pause{20};
  const TimePoint give_up = Clock::now() + k_patience;
  while (true) {
    try {
      Fd file = place.directory.open_file(place.name, O_WRONLY | O_NONBLOCK);
      ::fcntl(file.get(), F_SETFL, O_WRONLY);
      return file;
    } catch (const SystemError& error) {
      if (error.code() != ENXIO) throw;
      if (interrupted() || Clock::now() >= give_up) {
        throw Error(fmt::format("cannot write {}: nobody reads this FIFO",
                                place.directory.path_of(place.name)));
      }
    }
    std::this_thread::sleep_for(k_pause);
  }
}

// A device or a FIFO is not ours to replace; nor has what a descriptor in /proc is open on a name.
void write_in_place(const OutputPlace& place, const struct stat& info, std::string_view text) {
  const std::string path = place.directory.path_of(place.name);
  if (S_ISDIR(info.st_mode)) throw SystemError("write", path, EISDIR);
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    throw Error(fmt::format(
        "cannot write {}: it is no regular file, and another user made it (uid {}); remove it, or "
        "name another place",
        path, info.st_uid));
  }
  if (S_ISFIFO(info.st_mode)) return write_full(open_fifo(place), text);
  const Fd file = S_ISLNK(info.st_mode)
                      ? open_file(path, O_WRONLY | O_NOCTTY | O_TRUNC)
                      : place.directory.open_file(place.name, O_WRONLY | O_NOCTTY);
  write_full(file, text);
}

// A name that is too long with what is put around it would fail where the file itself does not.
constexpr std::size_t k_most_of_a_name = 64;

void replace_in(const OutputPlace& place, mode_t mode, std::string_view text) {
  const Directory& directory = place.directory;
  std::string temporary;
  try {
    std::string made;
    Fd file = directory.create_unguessable("." + place.name.substr(0, k_most_of_a_name) + ".", mode,
                                           &made);
    temporary = std::move(made);  // only what was made is there to be removed
    write_full(file, text);
    if (::fsync(file.get()) != 0) throw SystemError("flush", file.path(), errno);
    file.reset();
    directory.rename(temporary, directory, place.name);
  } catch (const SystemError& error) {
    if (!temporary.empty()) directory.remove_file(temporary);
    throw SystemError("write", directory.path_of(place.name), error.code());
  }
}

}  // namespace

void replace_text(const std::string& path, std::string_view text) {
  if (is_standard_output(path)) return write_standard_output(text);
  const OutputPlace place = output_place(path);
  const auto info = place.directory.look(place.name);
  if (info && !S_ISREG(info->st_mode)) return write_in_place(place, *info, text);
  constexpr mode_t k_mode = 0644;
  constexpr mode_t k_permissions = 0777;
  // Who could not read the old one shall not read the new one.
  const bool ours = info && info->st_uid == ::geteuid();
  replace_in(place, ours ? info->st_mode & k_permissions : k_mode, text);
}

}  // namespace coldload::os
