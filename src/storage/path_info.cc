#include "storage/path_info.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/error.h"
#include "os/file.h"

namespace coldload::storage {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// mountinfo writes blank, tab, line feed and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8).ptr ==
            text.data() + i + 4) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_below(const std::string& path, const std::string& directory) {
  if (directory == "/") return true;
  return starts_with(path, directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

// The mount that a path lies on: the longest mount point that holds it; of mounts stacked on one
// point the last.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::string& path) {
  const Mount* best = nullptr;
  for (const Mount& mount : mounts) {
    if (!is_below(path, mount.point)) continue;
    if (best == nullptr || mount.point.size() >= best->point.size()) best = &mount;
  }
  return best;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr),
                                                             &std::free);
  if (!resolved) throw os::SystemError("look at", path, errno);
  return resolved.get();
}

std::string scheduler_in_use(const std::string& text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string::npos || close == std::string::npos) return text;
  return text.substr(open + 1, close - open - 1);
}

std::optional<BlockDevice> block_device(unsigned major_number, unsigned minor_number) {
  const std::string link = fmt::format("/sys/dev/block/{}:{}", major_number, minor_number);
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(link, error);
  if (error) return std::nullopt;
  BlockDevice device;
  device.major = major_number;
  device.minor = minor_number;
  device.name = folder.filename();
  // A partition's folder lies inside its disk's, which has the queue.
  const bool partition = std::filesystem::exists(folder / "partition", error);
  const std::string disk = partition ? folder.parent_path() : folder;
  if (const auto text = os::try_read_text(disk + "/queue/rotational")) {
    device.rotational = *text == "1";
  }
  device.scheduler = scheduler_in_use(os::try_read_text(disk + "/queue/scheduler").value_or(""));
  device.model = os::try_read_text(disk + "/device/model").value_or("");
  device.transport = os::try_read_text(disk + "/device/transport").value_or("");
  return device;
}

// The value of "key=value" in mount options.
std::string option_value(std::string_view options, std::string_view key) {
  for (const std::string_view option : split(options, ',')) {
    if (starts_with(option, key) && option.size() > key.size() && option[key.size()] == '=') {
      return std::string(option.substr(key.size() + 1));
    }
  }
  return "";
}

// The directory below an overlay that holds `path`, if it is visible from here.
std::string below_overlay(const Mount& mount, const std::string& path) {
  std::vector<std::string> layers{option_value(mount.options, "upperdir")};
  const std::string lower = option_value(mount.options, "lowerdir");
  for (const std::string_view layer : split(lower, ':')) layers.emplace_back(layer);
  const std::string relative = path.substr(std::min(mount.point.size(), path.size()));
  for (const std::string& layer : layers) {
    struct stat info {};
    std::string candidate = layer + "/" + relative;
    if (!layer.empty() && ::stat(candidate.c_str(), &info) == 0) return candidate;
  }
  return "";
}

std::optional<BlockDevice> device_behind(const Mount& mount, const std::string& path,
                                         dev_t device_id) {
  if (mount.fs_type == "overlay") {
    const std::string lower = below_overlay(mount, path);
    if (lower.empty() || lower == path) return std::nullopt;
    try {
      return inspect_path(lower).device;
    } catch (const os::Error&) {
      return std::nullopt;
    }
  }
  if (auto device = block_device(::major(device_id), ::minor(device_id))) return device;
  // btrfs and others give files an anonymous device number: go by the mount's source.
  struct stat info {};
  if (starts_with(mount.source, "/dev/") && ::stat(mount.source.c_str(), &info) == 0 &&
      S_ISBLK(info.st_mode)) {
    return block_device(::major(info.st_rdev), ::minor(info.st_rdev));
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 19> k_network_types{"nfs",
                                                           "nfs4",
                                                           "cifs",
                                                           "smb3",
                                                           "ceph",
                                                           "lustre",
                                                           "glusterfs",
                                                           "beegfs",
                                                           "gpfs",
                                                           "afs",
                                                           "fuse.sshfs",
                                                           "fuse.s3fs",
                                                           "fuse.rclone",
                                                           "fuse.gcsfuse",
                                                           "fuse.mountpoint-s3",
                                                           "fuse.glusterfs",
                                                           "fuse.ceph",
                                                           "fuse.juicefs",
                                                           "fuse.goofys"};

std::pair<bool, std::string> network_or_local(const Mount& mount,
                                              const std::optional<BlockDevice>& device) {
  const auto* known = std::find(k_network_types.begin(), k_network_types.end(), mount.fs_type);
  if (known != k_network_types.end()) {
    return {true, fmt::format("{} is a network file system", mount.fs_type)};
  }
  if (mount.fs_type == "fuse.coldload") {
    return {false, "a stand-in made by coldload: a local directory at a network's pace"};
  }
  if (mount.fs_type == "9p" || mount.fs_type == "virtiofs") {
    return {false, fmt::format("{} is shared by the host; what is behind it there is not visible",
                               mount.fs_type)};
  }
  if (starts_with(mount.fs_type, "fuse")) {
    return {false, "a FUSE file system of unknown kind: what is behind it is not visible"};
  }
  if (!device) {
    return {false, fmt::format("{} with no block device that is visible from here", mount.fs_type)};
  }
  if (starts_with(device->name, "nbd") || starts_with(device->name, "rbd") ||
      starts_with(device->name, "drbd")) {
    return {true, fmt::format("{} is a network block device", device->name)};
  }
  if (!device->transport.empty() && device->transport != "pcie") {
    return {true, fmt::format("NVMe over {}", device->transport)};
  }
  for (const std::string_view name : {"Amazon Elastic Block Store", "PersistentDisk"}) {
    if (device->model.find(name) != std::string::npos) {
      return {true,
              fmt::format("the disk says \"{}\": a cloud volume over the network", device->model)};
    }
  }
  if (starts_with(device->name, "vd") || starts_with(device->name, "xvd")) {
    return {false, fmt::format("{} is a virtual machine's disk; what the host keeps behind it is "
                               "not visible",
                               device->name)};
  }
  return {false, fmt::format("{} on block device {}", mount.fs_type, device->name)};
}

CacheKind cache_kind(std::string_view fs_type) {
  for (const std::string_view type : {"tmpfs", "ramfs", "hugetlbfs", "devtmpfs"}) {
    if (fs_type == type) return CacheKind::memory_backed;
  }
  for (const std::string_view type : {"zfs", "gpfs"}) {
    if (fs_type == type) return CacheKind::hidden;
  }
  return CacheKind::page_cache;
}

std::set<std::pair<dev_t, ino_t>> identities(const std::vector<std::string>& files) {
  std::set<std::pair<dev_t, ino_t>> found;
  for (const std::string& file : files) {
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0) found.emplace(info.st_dev, info.st_ino);
  }
  return found;
}

std::vector<Mount> current_mounts() {
  return parse_mountinfo(os::read_text("/proc/self/mountinfo"));
}

}  // namespace

std::string file_below_overlay(const std::string& path) {
  const std::vector<Mount> mounts = current_mounts();
  const Mount* mount = mount_of(mounts, path);
  return mount != nullptr && mount->fs_type == "overlay" ? below_overlay(*mount, path) : "";
}

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 10 || dash == fields.end() || fields.end() - dash < 4) continue;
    Mount mount;
    const std::vector<std::string_view> numbers = split(fields[2], ':');
    if (numbers.size() != 2) continue;
    std::from_chars(numbers[0].data(), numbers[0].data() + numbers[0].size(), mount.major);
    std::from_chars(numbers[1].data(), numbers[1].data() + numbers[1].size(), mount.minor);
    mount.root = unescape(fields[3]);
    mount.point = unescape(fields[4]);
    mount.options = unescape(fields[5]) + "," + unescape(dash[3]);
    mount.fs_type = unescape(dash[1]);
    mount.source = unescape(dash[2]);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

PathInfo inspect_path(const std::string& path) {
  PathInfo info;
  info.path = real_path(path);
  struct stat status {};
  if (::stat(info.path.c_str(), &status) != 0) throw os::SystemError("look at", path, errno);
  info.device_id = status.st_dev;
  const std::vector<Mount> mounts = current_mounts();
  if (const Mount* mount = mount_of(mounts, info.path)) info.mount = *mount;
  info.device = device_behind(info.mount, info.path, info.device_id);
  const std::string bdi = fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", ::major(info.device_id),
                                      ::minor(info.device_id));
  if (const auto text = os::try_read_text(bdi)) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
    if (parsed.ec == std::errc()) info.readahead_kib = value;
  }
  std::tie(info.network, info.network_reason) = network_or_local(info.mount, info.device);
  info.cache = cache_kind(info.mount.fs_type);
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
  if (a.device && b.device && a.device->major == b.device->major &&
      a.device->minor == b.device->minor) {
    return fmt::format("they lie on the same block device ({})", a.device->name);
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
  out["device"] = info.device ? text::json::value(info.device->name) : nullptr;
  out["device_model"] =
      info.device && !info.device->model.empty() ? text::json::value(info.device->model) : nullptr;
  out["rotational"] = info.device && info.device->rotational
                          ? text::json::value(*info.device->rotational)
                          : nullptr;
  out["scheduler"] = info.device && !info.device->scheduler.empty()
                         ? text::json::value(info.device->scheduler)
                         : nullptr;
  out["readahead_kb"] = text::or_null(info.readahead_kib);
  out["network"] = info.network;
  out["network_reason"] = info.network_reason;
  return out;
}

std::vector<std::string> describe(const PathInfo& info) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("path         {}", info.path));
  lines.push_back(fmt::format("file system  {} from {} at {}", info.mount.fs_type,
                              info.mount.source, info.mount.point));
  lines.push_back(fmt::format("options      {}", info.mount.options));
  if (info.device) {
    const char* kind = !info.device->rotational   ? "rotational or not: unknown"
                       : *info.device->rotational ? "rotational"
                                                  : "not rotational";
    lines.push_back(
        fmt::format("device       {}{}, {}, scheduler {}", info.device->name,
                    info.device->model.empty() ? "" : " (" + info.device->model + ")", kind,
                    info.device->scheduler.empty() ? "unknown" : info.device->scheduler));
  } else {
    lines.emplace_back("device       no block device is visible");
  }
  lines.push_back(info.readahead_kib ? fmt::format("readahead    {} KiB", *info.readahead_kib)
                                     : "readahead    unknown");
  lines.push_back(
      fmt::format("network      {}: {}", info.network ? "yes" : "no", info.network_reason));
  return lines;
}

}  // namespace coldload::storage
