#include "stage/keep.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "os/error.h"
#include "stage/bounded_threads.h"
#include "stage/manifest.h"
#include "storage/holders.h"

namespace coldload::stage {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_suffix = ".coldload.json";

struct Staged {
  std::string directory;
  Manifest manifest;
};

// The other staged directories of the parent, the newest first.
std::vector<Staged> others_of(const Place& place, std::vector<std::string>* remarks) {
  std::vector<Staged> found;
  std::error_code problem;
  for (fs::directory_iterator at(place.parent, problem), end; !problem && at != end;
       at.increment(problem)) {
    const std::string path = at->path().string();
    if (path == place.manifest || path.size() <= k_suffix.size() || !path.ends_with(k_suffix)) {
      continue;
    }
    const std::string directory = path.substr(0, path.size() - k_suffix.size());
    std::error_code ignored;
    if (!fs::is_directory(fs::symlink_status(directory, ignored))) continue;
    try {
      if (auto manifest = read_manifest(path)) found.push_back({directory, std::move(*manifest)});
    } catch (const os::Error& error) {
      remarks->emplace_back(error.what());
    }
  }
  if (problem) throw os::SystemError("list", place.parent, problem.value());
  std::sort(found.begin(), found.end(), [](const Staged& a, const Staged& b) {
    return std::tie(b.manifest.staged_at, b.directory) <
           std::tie(a.manifest.staged_at, a.directory);
  });
  return found;
}

// With its lock held: nobody stages there meanwhile.
std::string why_it_stays(const Staged& staged) {
  std::vector<std::string> files;
  try {
    const std::string changed = what_is_not_as_staged(staged.manifest, staged.directory);
    if (!changed.empty()) return fmt::format("{} stays: {}", staged.directory, changed);
    for (const ManifestFile& file : staged.manifest.files) {
      files.push_back(staged.directory + "/" + file.name);
    }
  } catch (const os::SystemError& error) {
    return fmt::format("{} stays: {}", staged.directory, error.what());
  }
  const auto holders = storage::find_holders(files);
  if (holders.empty()) return "";
  return fmt::format("{} stays: it is in use by {}", staged.directory,
                     storage::describe(holders.front()));
}

// Empty where it is gone; else why it stays.
std::string remove_staged(const std::string& directory) {
  const Place place = place_of(directory);
  auto lock = PlaceLock::try_take(place);
  if (!lock) return directory + " stays: it is being staged just now";
  std::string why;
  try {
    auto manifest = read_manifest(place.manifest);
    why = manifest ? why_it_stays({directory, std::move(*manifest)})
                   : directory + " stays: its manifest is gone";
  } catch (...) {
    lock->remove_part();
    throw;
  }
  // Out of sight in one step, so that nobody meets half of it.
  const std::string trash = place.part + "/trash";
  if (why.empty() && ::rename(directory.c_str(), trash.c_str()) != 0) {
    why = fmt::format("{} stays: {}", directory, os::error_text(errno));
  }
  if (why.empty()) withdraw_manifest(place);
  lock->remove_part();
  return why;
}

}  // namespace

Removal keep_newest(const Place& place, std::size_t keep) {
  Removal removal;
  const std::vector<Staged> others = others_of(place, &removal.remarks);
  for (std::size_t i = keep > 0 ? keep - 1 : 0; i < others.size(); ++i) {
    throw_if_interrupted();  // a removal that has begun comes to its end
    std::string why = remove_staged(others[i].directory);
    if (why.empty()) {
      removal.removed.push_back(others[i].directory);
    } else {
      removal.remarks.push_back(std::move(why));
    }
  }
  return removal;
}

}  // namespace coldload::stage
