#include "storage/file_sources.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/fd.h"
#include "os/told_step.h"
#include "storage/file_systems.h"
#include "storage/stored_bytes.h"
#include "text/units.h"

namespace coldload::storage {

namespace {

// The file systems that were looked at already: one look for each will do, but under an overlay,
// whose layers differ.
class KnownInfos {
 public:
  const PathInfo& of(const std::string& path) {
    const Mount* mount = mount_reached(mounts_, path);
    const bool one_of_several = mount == nullptr || mount->fs_type == "overlay";
    const std::string key = one_of_several ? path : std::to_string(mount->id);
    const auto [at, is_new] = known_.try_emplace(key);
    if (is_new) at->second = inspect_path(path);
    return at->second;
  }

 private:
  const std::vector<Mount> mounts_ = current_mounts();
  std::map<std::string, PathInfo> known_;
};

bool lies_in_memory(const PathInfo& info) { return info.cache == CacheKind::memory_backed; }

FilePart& part_of(const PathInfo& info, std::vector<FilePart>* parts) {
  const auto found = std::find_if(parts->begin(), parts->end(), [&](const FilePart& one) {
    return one.info.mount.id == info.mount.id && one.info.source().id == info.source().id;
  });
  if (found != parts->end()) return *found;
  parts->push_back({info, 0, 0, lies_in_memory(info)});
  return parts->back();
}

// What storage holds of one file, added up; what is not known stays so.
void add_stored(const std::string& path, const PathInfo& info, FileSources* sources) {
  if (!sources->stored_bytes) return;
  if (file_system_of(info.source()).counts != Counts::block_device) {
    *sources->stored_bytes += os::regular_file_size(path);  // what a server sends has no holes
    return;
  }
  const StoredBytes stored = stored_bytes(os::open_regular(path), info.source());
  if (stored.bytes) {
    *sources->stored_bytes += *stored.bytes;
  } else {
    sources->stored_bytes.reset();
    sources->not_comparable = stored.reason;
  }
}

void choose_counter(FileSources* sources) {
  std::vector<CounterChoice> choices;
  for (const FilePart& part : sources->parts) {
    if (part.in_memory && !sources->all_in_memory()) continue;
    CounterChoice choice = choose_byte_counter(part.info);
    if (sources->hidden_cache.empty() && !choice.beyond_hidden_cache) {
      sources->hidden_cache = part.info.hidden_cache;
    }
    choices.push_back(std::move(choice));
  }
  sources->counter = all_of(choices);
}

}  // namespace

FileSources find_sources(const std::vector<std::string>& paths,
                         const std::vector<std::size_t>& read) {
  FileSources sources;
  sources.stored_bytes = 0;
  KnownInfos infos;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    os::about_to("look at", paths[i]);
    const PathInfo& info = infos.of(paths[i]);
    sources.in_memory.push_back(lies_in_memory(info));
    if (!std::binary_search(read.begin(), read.end(), i)) continue;
    FilePart& part = part_of(info, &sources.parts);
    ++part.files;
    part.bytes += os::regular_file_size(paths[i]);
    if (!part.in_memory) add_stored(paths[i], info, &sources);
  }
  std::stable_sort(sources.parts.begin(), sources.parts.end(),
                   [](const FilePart& a, const FilePart& b) {
                     if (a.in_memory != b.in_memory) return b.in_memory;
                     if (a.bytes != b.bytes) return a.bytes > b.bytes;
                     return a.info.mount.point < b.info.mount.point;
                   });
  choose_counter(&sources);
  return sources;
}

std::string FileSources::memory_share() const {
  std::size_t files = 0;
  std::size_t all_files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t all_bytes = 0;
  std::vector<std::string> types;
  for (const FilePart& part : parts) {
    all_files += part.files;
    all_bytes += part.bytes;
    if (!part.in_memory) continue;
    files += part.files;
    bytes += part.bytes;
    types.push_back(part.info.source().fs_type);
  }
  if (files == 0 || files == all_files) return "";
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return fmt::format("{} of {} weight files, {} of {}, {} memory ({})", files, all_files,
                     text::format_bytes(bytes), text::format_bytes(all_bytes),
                     files == 1 ? "is" : "are", fmt::join(types, ", "));
}

std::uint64_t FileSources::cold_bytes() const {
  std::uint64_t bytes = 0;
  for (const FilePart& part : parts) bytes += !part.in_memory || all_in_memory() ? part.bytes : 0;
  return bytes;
}

std::vector<std::size_t> FileSources::can_be_cold() const {
  std::vector<std::size_t> files;
  for (std::size_t i = 0; i < in_memory.size(); ++i) {
    if (!in_memory[i] || all_in_memory()) files.push_back(i);
  }
  return files;
}

text::json::array to_json(const std::vector<FilePart>& parts) {
  text::json::array out;
  for (const FilePart& part : parts) {
    out.push_back(text::json::object{{"fs_type", part.info.mount.fs_type},
                                     {"mount_point", part.info.mount.point},
                                     {"files", part.files},
                                     {"bytes", part.bytes},
                                     {"memory", part.in_memory}});
  }
  return out;
}

}  // namespace coldload::storage
