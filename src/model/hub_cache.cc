#include "model/hub_cache.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/error.h"
#include "os/file.h"
#include "os/interrupt.h"
#include "text/escape.h"

namespace coldload::model {

namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// The directories in `directory` whose names `takes` accepts, by name.
template <typename Takes>
std::vector<std::string> directories_in(const fs::path& directory, Takes takes) {
  std::vector<std::string> found;
  std::error_code problem;
  for (fs::directory_iterator at(directory, problem), end; !problem && at != end;
       at.increment(problem)) {
    if (os::interrupted()) throw os::Error("interrupted");
    if (takes(at->path()) && is_folder(at->path())) found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool is_repository(const fs::path& path) {
  return is_folder(path / "snapshots") && (is_folder(path / "blobs") || is_folder(path / "refs"));
}

// The folders of models in a cache; none for a directory that holds anything of a model itself.
std::vector<std::string> repositories_in(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(path / "config.json", ignored)) return {};
  return directories_in(path, [](const fs::path& entry) {
    return entry.filename().string().starts_with("models--") && is_folder(entry / "snapshots");
  });
}

// By its name, here or in a folder below: whatever a server could take weights from.
bool holds_weights(const fs::path& snapshot) {
  constexpr std::array<std::string_view, 6> k_endings{".safetensors", ".bin", ".gguf",
                                                      ".pt",          ".pth", ".tensors"};
  std::error_code problem;
  for (fs::recursive_directory_iterator at(snapshot, problem), end; !problem && at != end;
       at.increment(problem)) {
    const std::string ending = at->path().extension().string();
    if (std::find(k_endings.begin(), k_endings.end(), ending) != k_endings.end()) return true;
  }
  return false;
}

std::string choices(std::vector<std::string> paths) {
  constexpr std::size_t k_most = 8;
  const std::size_t more = paths.size() - std::min(paths.size(), k_most);
  paths.resize(paths.size() - more);
  for (std::string& path : paths) path = text::one_line(path);
  return fmt::format("{}{}", fmt::join(paths, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

os::Error refusal(const fs::path& repository, const std::string& why,
                  const std::vector<std::string>& snapshots) {
  return os::Error(fmt::format(
      "cannot use {}, a repository's folder in a hub cache: {}; {}", repository.string(), why,
      snapshots.empty() ? "it holds no snapshot: the download is not complete"
                        : "pass the snapshot that is meant: " + choices(snapshots)));
}

// What refs/main names; nothing where there is no such ref.
std::optional<HubSnapshot> named_by_ref(const fs::path& repository,
                                        const std::vector<std::string>& snapshots) {
  const fs::path ref = repository / "refs" / "main";
  std::error_code ignored;
  if (!fs::exists(ref, ignored)) return std::nullopt;
  constexpr std::size_t k_longest = 4096;
  const std::string written = os::read_text(ref, k_longest);
  const std::string revision = written.substr(0, written.find_last_not_of(" \t\r\n") + 1);
  HubSnapshot snapshot{repository / "snapshots" / revision, {}};
  if (std::find(snapshots.begin(), snapshots.end(), snapshot.path) == snapshots.end()) {
    throw refusal(repository,
                  fmt::format("its refs/main names the snapshot \"{}\", which is not there",
                              text::one_line(revision)),
                  snapshots);
  }
  std::vector<std::string> whole;
  if (!holds_weights(snapshot.path)) {
    std::copy_if(snapshots.begin(), snapshots.end(), std::back_inserter(whole), holds_weights);
  }
  if (!whole.empty()) {
    throw refusal(repository,
                  fmt::format("its refs/main names the snapshot {}, which holds no weights, and "
                              "another one, of another revision, does",
                              revision),
                  whole);
  }
  if (revision != written) {
    snapshot.remarks.emplace_back(
        "refs/main of its repository ends in white space: a server that is given the repository's "
        "name offline may not find it");
  }
  return snapshot;
}

}  // namespace

std::optional<HubSnapshot> hub_snapshot(const std::string& path) {
  fs::path repository = path;
  if (repository.filename() == "snapshots") repository = repository.parent_path();
  if (!is_repository(repository)) {
    if (os::interrupted()) throw os::Error("interrupted");
    const std::vector<std::string> models = repositories_in(path);
    if (models.empty()) return std::nullopt;
    throw os::Error(fmt::format("cannot use {}: it is a hub cache; pass one of its models: {}",
                                path, choices(models)));
  }
  const auto snapshots =
      directories_in(repository / "snapshots", [](const fs::path&) { return true; });
  if (auto named = named_by_ref(repository, snapshots)) return named;
  if (snapshots.size() == 1) return HubSnapshot{snapshots.front(), {}};
  throw refusal(repository, fmt::format("it has no refs/main and {} snapshots", snapshots.size()),
                snapshots);
}

}  // namespace coldload::model
