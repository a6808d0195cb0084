#include "stage/part.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "os/file.h"

namespace coldload::stage {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_most_journal_bytes = std::size_t{1} << 30;

bool same_file(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// One line that two scans share only if they list the same.
std::string fingerprint(const SourceTree& tree) {
  std::string listing = fmt::format("{}\n", k_chunk_bytes);
  for (const std::string& name : tree.directories) listing += name + "\n";
  for (const SourceFile& file : tree.files) {
    listing += fmt::format("{}\n{} {}\n", file.name, file.bytes, file.mtime_ns);
  }
  return "coldload-journal-1 " + to_text(hash_of(std::as_bytes(std::span(listing)))) + "\n";
}

std::string line_of(const JournalEntry& entry) {
  return fmt::format("{} {} {}\n", entry.file, entry.chunk, to_text(entry.hash));
}

// Leaves out the lines that a crash has cut or spoiled.
std::vector<JournalEntry> parse_journal(const std::string& text, const SourceTree& tree) {
  std::vector<JournalEntry> entries;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    JournalEntry entry;
    std::string hash;
    std::istringstream(line) >> entry.file >> entry.chunk >> hash;
    entry.hash = parse_hash(hash).value_or(Hash{});
    const bool whole = !lines.eof() && line + "\n" == line_of(entry);
    if (whole && entry.file < tree.files.size() &&
        entry.chunk < chunks_of(tree.files[entry.file].bytes)) {
      entries.push_back(entry);
    }
  }
  return entries;
}

// Not a SystemError: whatever fails here fails again for a copy that goes on.
void rename_within(const Place& place, const std::string& from, const std::string& to,
                   unsigned flags) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) {
    throw os::Error(fmt::format("cannot rename {} to {}: {}", from, to, os::error_text(errno)));
  }
  flush_directory(place.parent);
}

void unlink_if_there(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw os::SystemError("remove", path, errno);
}

bool can(const std::string& from, const std::string& to, unsigned flags) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0;
}

}  // namespace

Place place_of(const std::string& destination) {
  std::string wanted = destination;
  while (wanted.size() > 1 && wanted.back() == '/') wanted.pop_back();
  // Whatever ".." means there, the kernel says: nothing is left out by its spelling alone.
  const fs::path path = fs::absolute(wanted);
  const std::string name = path.filename().string();
  if (name.empty() || name == "." || name == "..") {
    throw os::Error(
        fmt::format("{} cannot be staged to: DST is the new directory itself", destination));
  }
  Place place;
  std::error_code problem;
  place.parent = fs::canonical(path.parent_path(), problem).string();
  if (problem) {
    throw os::Error(
        fmt::format("{} is not there ({}): is the disk mounted? DST's parent must exist",
                    path.parent_path().string(), os::error_text(problem.value())));
  }
  const std::string below = place.parent == "/" ? "/" : place.parent + "/";
  place.destination = below + name;
  place.manifest = place.destination + ".coldload.json";
  place.part = below + "." + name + ".coldload-part";
  place.data = place.part + "/data";
  return place;
}

std::optional<PlaceLock> PlaceLock::try_take(const Place& place) {
  // Each turn but the last lost a race with an owner that was just ending.
  constexpr int k_turns = 1000;
  for (int turn = 0; turn < k_turns; ++turn) {
    if (::mkdir(place.part.c_str(), 0777) != 0 && errno != EEXIST) {
      throw os::SystemError("create", place.part, errno);
    }
    struct stat info {};
    if (::lstat(place.part.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
      throw os::Error(fmt::format("{} is no directory: remove it", place.part));
    }
    const std::string path = place.part + "/lock";
    os::Fd file;
    try {
      file = os::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
    } catch (const os::SystemError& error) {
      if (error.code() == ENOENT) continue;  // its owner has just removed the directory
      throw;
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::nullopt;
      if (errno == EINTR) continue;
      throw os::SystemError("lock", path, errno);
    }
    // An owner that ended in between has taken the directory with it.
    if (same_file(file.get(), path)) return PlaceLock(std::move(file), place.part);
  }
  throw os::Error(fmt::format("cannot lock {}: it comes and goes", place.part));
}

bool PlaceLock::still_holds() const { return same_file(file_.get(), part_ + "/lock"); }

void PlaceLock::keep_for_good() { [[maybe_unused]] const int held = file_.release(); }

// The lock goes last: whoever takes it finds a directory that is whole, or makes one. What another
// one makes there from then on is not ours.
void PlaceLock::remove_part() {
  std::error_code problem;
  for (fs::directory_iterator at(part_, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (at->path().filename() != "lock") remove_tree(at->path().string());
  }
  if (problem) throw os::SystemError("list", part_, problem.value());
  ::unlink((part_ + "/lock").c_str());
  ::rmdir(part_.c_str());
}

Journal Journal::open(const Place& place, const SourceTree& tree) {
  const std::string path = place.part + "/journal";
  const std::string head = fingerprint(tree);
  Journal journal;
  std::string text;
  if (::access(path.c_str(), F_OK) == 0) text = os::read_text(path, k_most_journal_bytes);
  if (text.rfind(head, 0) == 0) {
    journal.found_ = parse_journal(text.substr(head.size()), tree);
    journal.file_ = os::open_file(path, O_WRONLY | O_APPEND);
    // What a crash cut must not be glued to the next entry.
    os::write_full(journal.file_, std::string("\n"));
    return journal;
  }
  remove_tree(place.data);
  journal.file_ = os::open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC, 0666);
  os::write_full(journal.file_, head);
  return journal;
}

void Journal::remove(const Place& place) { unlink_if_there(place.part + "/journal"); }

void Journal::add(const JournalEntry& entry) { os::write_full(file_, line_of(entry)); }

void remove_tree(const std::string& path) {
  std::error_code problem;
  fs::remove_all(path, problem);
  if (problem) throw os::SystemError("remove", path, problem.value());
}

void flush_directory(const std::string& path) {
  const os::Fd directory = os::open_file(path, O_RDONLY | O_DIRECTORY);
  // Some network file systems have no fsync for directories.
  if (::fsync(directory.get()) != 0 && errno != EINVAL) throw os::SystemError("flush", path, errno);
}

void publish_manifest(const Place& place, const Manifest& manifest) {
  const std::string path = place.part + "/manifest";
  {
    const os::Fd file = os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    os::write_full(file, to_text(manifest));
    if (::fsync(file.get()) != 0) throw os::SystemError("flush", path, errno);
  }
  rename_within(place, path, place.manifest, 0);
}

void withdraw_manifest(const Place& place) { unlink_if_there(place.manifest); }

bool can_exchange(const Place& place) {
  const std::string one = place.part + "/one";
  const std::string other = place.part + "/other";
  ::mkdir(one.c_str(), 0777);
  ::mkdir(other.c_str(), 0777);
  const bool exchanged = can(one, other, RENAME_EXCHANGE);
  ::rmdir(one.c_str());
  ::rmdir(other.c_str());
  return exchanged;
}

void publish(const Place& place) {
  if (can(place.data, place.destination, RENAME_NOREPLACE)) return flush_directory(place.parent);
  // A file system without the flag: a directory never replaces one that has something in it.
  rename_within(place, place.data, place.destination, errno == EINVAL ? 0U : RENAME_NOREPLACE);
}

void publish_by_exchange(const Place& place) {
  rename_within(place, place.data, place.destination, RENAME_EXCHANGE);
}

}  // namespace coldload::stage
