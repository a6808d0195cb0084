#include "storage/path_info.h"

#include <cerrno>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/error.h"
#include "os/file.h"
#include "os/file_id.h"
#include "os/kernel_text.h"
#include "os/path.h"
#include "storage/file_systems.h"

namespace coldload::storage {

namespace {

// Nothing where it is not visible, or may not be all that there is.
std::optional<BlockDevice> device_behind(const Mount& mount, dev_t device_id,
                                         std::vector<BlockDevice>* others) {
  if (auto device = find_block_device(::major(device_id), ::minor(device_id))) return device;
  // btrfs and others give files an anonymous device number: go by the mount's source.
  struct stat info {};
  if (mount.source.rfind("/dev/", 0) != 0 || ::stat(mount.source.c_str(), &info) != 0 ||
      !S_ISBLK(info.st_mode)) {
    return std::nullopt;
  }
  auto device = find_block_device(::major(info.st_rdev), ::minor(info.st_rdev));
  if (!device || mount.fs_type != "btrfs") return device;
  std::vector<BlockDevice> all = devices_of_btrfs(*device);
  if (all.empty()) return std::nullopt;
  for (BlockDevice& one : all) {
    if (one.name != device->name) others->push_back(std::move(one));
  }
  return device;
}

// Under an overlay, what holds the path is its layer: everything but the path's own name and mount
// is the layer's.
void look_below_overlay(PathInfo* info) {
  const std::string lower = below_overlay(info->mount, info->path);
  if (lower.empty() || lower == info->path) return;
  try {
    const PathInfo below = inspect_path(lower);
    info->layer = below.source();
    info->device = below.device;
    info->other_devices = below.other_devices;
  } catch (const os::Error&) {
    return;  // a layer that is not visible from here: a container's
  }
}

std::string describe(const std::vector<const BlockDevice*>& devices) {
  std::string names;
  for (const BlockDevice* device : devices) {
    names += (names.empty() ? "" : " and ") + describe(*device);
  }
  return names;
}

std::pair<bool, std::string> network_or_local(const Mount& mount,
                                              const std::vector<const BlockDevice*>& devices) {
  const std::string& type = mount.fs_type;
  switch (file_system_of(mount).reach) {
    case Reach::network:
      return {true,
              fmt::format("{} is a network file system", type == "fuse" ? mount.source : type)};
    case Reach::stand_in:
      return {false, "a stand-in made by coldload: a local directory at a network's pace"};
    case Reach::host:
      return {false, fmt::format("{} is shared by the host; what is behind it there is not visible",
                                 type)};
    case Reach::unknown:
      return {false, "a FUSE file system of unknown kind: what is behind it is not visible"};
    case Reach::local:
      return {false, fmt::format("{} shows another file system's files", type)};
    case Reach::device:
      break;
  }
  if (devices.empty()) {
    return {false, fmt::format("{} with no block device that is visible from here", type)};
  }
  for (const BlockDevice* device : devices) {
    const std::string why = why_network(*device);
    if (!why.empty()) return {true, why};
  }
  for (const BlockDevice* device : devices) {
    for (const BlockDevice* disk : physical_devices(*device)) {
      if (disk->name.rfind("vd", 0) != 0 && disk->name.rfind("xvd", 0) != 0) continue;
      return {false, fmt::format("{} is a virtual machine's disk; what the host keeps behind it is "
                                 "not visible",
                                 disk->name)};
    }
  }
  return {false, fmt::format("{} on block device{} {}", type, devices.size() == 1 ? "" : "s",
                             describe(devices))};
}

std::set<os::FileId> identities(const std::vector<std::string>& files) {
  std::set<os::FileId> found;
  for (const std::string& file : files) {
    if (const auto id = os::file_id(file)) found.insert(*id);
  }
  return found;
}

}  // namespace

std::vector<const BlockDevice*> PathInfo::devices() const {
  std::vector<const BlockDevice*> all;
  if (device) all.push_back(&*device);
  for (const BlockDevice& other : other_devices) all.push_back(&other);
  return all;
}

void classify(PathInfo* info) {
  const Mount& mount = info->source();
  const FileSystem& system = file_system_of(mount);
  std::tie(info->network, info->network_reason) = network_or_local(mount, info->devices());
  if (info->layer) {
    info->network_reason =
        fmt::format("{} over {}: {}", info->mount.fs_type, mount.fs_type, info->network_reason);
  }
  info->hidden_cache = hidden_cache_of(mount);
  for (const BlockDevice* device : info->devices()) {
    if (info->hidden_cache.empty()) info->hidden_cache = device->hidden_cache;
  }
  info->cache = system.memory                 ? CacheKind::memory_backed
                : !info->hidden_cache.empty() ? CacheKind::hidden
                                              : CacheKind::page_cache;
  info->unseen.clear();
  if (!system.far_side.empty()) {
    info->unseen.push_back(fmt::format(
        "{} may hold the files in memory: that cache cannot be seen or emptied from here",
        system.far_side));
  }
  if (!system.remark.empty()) info->unseen.emplace_back(system.remark);
}

PathInfo inspect_path(const std::string& path) {
  PathInfo info;
  info.path = os::real_path(path);
  struct stat status {};
  if (::stat(info.path.c_str(), &status) != 0) throw os::SystemError("look at", path, errno);
  info.device_id = status.st_dev;
  const std::vector<Mount> mounts = current_mounts();
  if (const Mount* mount = mount_reached(mounts, path)) info.mount = *mount;
  if (info.mount.fs_type == "overlay") {
    look_below_overlay(&info);
  } else {
    info.device = device_behind(info.mount, info.device_id, &info.other_devices);
  }
  const std::string bdi = fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", ::major(info.device_id),
                                      ::minor(info.device_id));
  info.readahead_kib = os::number_of(os::try_read_text(bdi).value_or(""));
  classify(&info);
  return info;
}

std::string same_storage(const PathInfo& a, const std::vector<std::string>& files_a,
                         const PathInfo& b, const std::vector<std::string>& files_b) {
  if (a.path == b.path) return "they are the same directory";
  const auto ids_a = identities(files_a);
  const auto ids_b = identities(files_b);
  std::size_t shared = 0;
  for (const auto& id : ids_a) shared += ids_b.count(id);
  if (shared > 0) {
    return fmt::format(
        "{} of their files are the same inode (hard links, symlinks or a bind "
        "mount)",
        shared);
  }
  if (a.device_id == b.device_id) {
    return fmt::format("they lie on the same file system ({} at {})", a.mount.fs_type,
                       a.mount.point);
  }
  for (const BlockDevice* one : a.devices()) {
    for (const BlockDevice* other : b.devices()) {
      if (one->major != other->major || one->minor != other->minor) continue;
      return fmt::format("they lie on the same block device ({})", one->name);
    }
  }
  return "";
}

text::json::object to_json(const PathInfo& info) {
  text::json::object out;
  out["path"] = info.path;
  out["fs_type"] = info.mount.fs_type;
  out["mount_point"] = info.mount.point;
  out["mount_source"] = info.mount.source;
  out["mount_options"] = info.mount.options;
  out["mount_root"] = info.mount.root;
  out["layer"] = text::or_null(info.layer ? info.layer->fs_type : "");
  const BlockDevice device = info.device.value_or(BlockDevice{});
  out["device"] = text::or_null(device.name);
  out["device_model"] = text::or_null(device.model);
  out["device_kind"] = text::or_null(device.kind);
  text::json::array disks;
  for (const BlockDevice* one : info.devices()) {
    for (const BlockDevice* disk : physical_devices(*one)) {
      disks.push_back(text::json::object{
          {"name", disk->name}, {"model", disk->model}, {"transport", disk->transport}});
    }
  }
  out["physical_devices"] = std::move(disks);
  out["rotational"] = device.rotational ? text::json::value(*device.rotational) : nullptr;
  out["scheduler"] = text::or_null(device.scheduler);
  out["readahead_kb"] = text::or_null(info.readahead_kib);
  out["network"] = info.network;
  out["network_reason"] = info.network_reason;
  out["hidden_cache"] = text::or_null(info.hidden_cache);
  out["unseen_caches"] = text::json::array(info.unseen.begin(), info.unseen.end());
  return out;
}

namespace {

void add_mount(const Mount& mount, std::vector<std::string>* lines) {
  if (mount.fs_type.empty()) {  // in a chroot that is no mount point itself
    lines->emplace_back("file system  unknown: no mount that can be seen from here has this path");
    return;
  }
  lines->push_back(
      fmt::format("file system  {} from {} at {}", mount.fs_type, mount.source, mount.point));
  if (mount.root != "/") {
    lines->push_back(fmt::format("shows        {} of that file system", mount.root));
  }
  lines->push_back(fmt::format("options      {}", mount.options));
}

}  // namespace

std::vector<std::string> describe(const PathInfo& info) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("path         {}", info.path));
  add_mount(info.mount, &lines);
  if (info.layer) {
    lines.push_back(fmt::format("layer        {} from {} at {}", info.layer->fs_type,
                                info.layer->source, info.layer->point));
  }
  if (info.device) {
    const char* kind = !info.device->rotational   ? "rotational or not: unknown"
                       : *info.device->rotational ? "rotational"
                                                  : "not rotational";
    lines.push_back(
        fmt::format("device       {}{}, {}, scheduler {}", describe(info.devices()),
                    info.device->model.empty() ? "" : " (" + info.device->model + ")", kind,
                    info.device->scheduler.empty() ? "unknown" : info.device->scheduler));
  } else {
    lines.emplace_back("device       no block device is visible");
  }
  lines.push_back(info.readahead_kib ? fmt::format("readahead    {} KiB", *info.readahead_kib)
                                     : "readahead    unknown");
  lines.push_back(
      fmt::format("network      {}: {}", info.network ? "yes" : "no", info.network_reason));
  if (!info.hidden_cache.empty()) lines.push_back("own cache    " + info.hidden_cache);
  for (const std::string& line : info.unseen) lines.push_back("unseen       " + line);
  return lines;
}

}  // namespace coldload::storage
