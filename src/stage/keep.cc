#include "stage/keep.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"
#include "stage/manifest.h"
#include "stage/verify.h"
#include "storage/holders.h"

namespace coldload::stage {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_suffix = ".coldload.json";

struct Staged {
  std::string directory;
  Manifest manifest;
};

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

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
    if (!is_directory(directory)) continue;
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

std::string why_it_stays(const Staged& staged) {
  const auto unknown = files_not_named(staged.manifest, staged.directory);
  if (!unknown.empty()) {
    return fmt::format("{} stays: {} in it is not named by its manifest", staged.directory,
                       unknown.front());
  }
  std::vector<std::string> files;
  for (const ManifestFile& file : staged.manifest.files) {
    files.push_back(staged.directory + "/" + file.name);
  }
  const auto holders = storage::find_holders(files);
  if (holders.empty()) return "";
  return fmt::format("{} stays: it is in use by {}", staged.directory,
                     storage::describe(holders.front()));
}

}  // namespace

Removal keep_newest(const Place& place, std::size_t keep) {
  Removal removal;
  const std::vector<Staged> others = others_of(place, &removal.remarks);
  for (std::size_t i = keep > 0 ? keep - 1 : 0; i < others.size(); ++i) {
    const Staged& staged = others[i];
    if (const std::string why = why_it_stays(staged); !why.empty()) {
      removal.remarks.push_back(why);
      continue;
    }
    const Place its = place_of(staged.directory);
    auto lock = PlaceLock::try_take(its);
    if (!lock) {
      removal.remarks.push_back(staged.directory + " stays: it is being staged just now");
      continue;
    }
    // Out of sight in one step, so that nobody meets half of it.
    const std::string trash = its.part + "/trash";
    if (::rename(staged.directory.c_str(), trash.c_str()) != 0) {
      throw os::SystemError("remove", staged.directory, errno);
    }
    if (::unlink(its.manifest.c_str()) != 0 && errno != ENOENT) {
      throw os::SystemError("remove", its.manifest, errno);
    }
    lock->remove_part();
    removal.removed.push_back(staged.directory);
  }
  return removal;
}

}  // namespace coldload::stage
