// What is mounted and mapped, what a stand-in says of itself, and what a copy's manifest or the
// file of a start set claims.
#include "fuzz/targets.h"
#include "stage/manifest.h"
#include "stage/selection.h"
#include "stand_in/description.h"
#include "stand_in/pace.h"
#include "start_set/mapped_files.h"
#include "start_set/set_file.h"
#include "storage/file_systems.h"
#include "storage/fuse_daemon.h"
#include "storage/mounts.h"
#include "text/json.h"

namespace coldload::fuzz {

namespace {

void try_mountinfo(std::string_view input) {
  const auto mounts = storage::parse_mountinfo(input);
  for (const storage::Mount& mount : mounts) {
    (void)storage::mount_option(mount, "lowerdir");
    (void)storage::file_system_of(mount);
    (void)storage::opening_may_drop_pages(mount);
    require(storage::unescape_mount_text(mount.point).size() <= mount.point.size(), "no more text");
  }
  if (!mounts.empty()) {
    const auto* const mount = storage::mount_of(mounts, mounts.front().point + "/file");
    require(mount == nullptr || mount >= mounts.data(), "a mount is one of them");
  }
}

void try_maps_line(std::string_view input) {
  const auto file = start_set::parse_maps_line(input);
  if (!file) return;
  require(file->path.starts_with('/'), "a file has a whole path");
  require(file->path.size() <= input.size(), "no more text");
  std::string line = "7f-80 r--p 0 fe:10 12 ";
  for (const char one : file->path)
    line += one == '\n' ? std::string("\\012") : std::string(1, one);
  const auto again = start_set::parse_maps_line(line);
  require(again && again->path == file->path, "what the kernel writes is read as the same");
}

void try_fuse_daemon(std::string_view input) {
  const storage::FuseDaemon daemon{lines_of(input), lines_of(input)};
  (void)daemon.option("use-cache");
  (void)daemon.variable("RCLONE_VFS_CACHE_MODE");
}

void try_manifest(std::string_view input) {
  refuses([&] {
    const stage::Manifest manifest = stage::parse_manifest(input, "manifest");
    for (const stage::ManifestFile& file : manifest.files) {
      require(file.chunks.size() == stage::chunks_of(file.bytes), "a hash for each chunk");
      require(
          !file.name.starts_with('/') && ("/" + file.name + "/").find("/../") == std::string::npos,
          "no file lies elsewhere");
    }
    const std::string written = to_text(manifest);
    require(to_text(stage::parse_manifest(written, "manifest")) == written,
            "what is written is read as the same");
  });
}

void try_start_set(std::string_view input) {
  refuses([&] {
    const start_set::StartSet set = start_set::parse_start_set(input);
    for (const start_set::StartFile& file : set.files) {
      require(file.path.starts_with('/') && (file.path + "/").find("/../") == std::string::npos,
              "a path is absolute and plain");
      std::uint64_t end = 0;
      for (const start_set::Range& range : file.in_memory) {
        require(range.bytes > 0 && range.offset >= end, "ranges are in order");
        end = range.offset + range.bytes;
      }
      require(end <= file.bytes, "and within the file");
    }
    const std::string written = start_set::to_text(set);
    require(start_set::to_text(start_set::parse_start_set(written)) == written,
            "what is written is read as the same");
  });
}

void try_selection(std::string_view input) {
  const std::vector<std::string> lines = lines_of(input);
  stage::Selection selection;
  selection.include = {lines.front()};
  const bool taken = selection.takes(lines.back());
  (void)selection.may_enter(lines.back());
  selection.exclude = selection.include;
  require(!taken || !selection.takes(lines.back()), "what is left out is not taken");
}

void try_stand_in(std::string_view input) {
  refuses([&] {
    const stand_in::Pace pace = stand_in::parse_pace(input);
    require(pace.rate_bytes_per_s > 0 && pace.latency.count() >= 0, "a pace is one");
    const stand_in::Pace again = stand_in::parse_pace(stand_in::spec_of(pace));
    require(again.rate_bytes_per_s > 0, "what is written is read");
  });
  std::string error;
  const auto value = text::parse_json(input, &error);
  if (!value || !value->is_object()) return;
  refuses([&] {
    if (const auto description = stand_in::description_from_json(value->as_object())) {
      (void)stand_in::to_json(*description);
      (void)stand_in::shortfall(*description);
    }
  });
}

}  // namespace

const std::vector<Target> k_storage_targets{
    {"mountinfo", try_mountinfo}, {"fuse_daemon", try_fuse_daemon}, {"manifest", try_manifest},
    {"selection", try_selection}, {"stand_in", try_stand_in},       {"start_set", try_start_set},
    {"maps_line", try_maps_line},
};

}  // namespace coldload::fuzz
