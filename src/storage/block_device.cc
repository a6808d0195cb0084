#include "storage/block_device.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "os/file.h"
#include "os/kernel_text.h"

namespace coldload::storage {

namespace {

std::string scheduler_in_use(const std::string& text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string::npos || close == std::string::npos) return text;
  return text.substr(open + 1, close - open - 1);
}

// Of a disk that is no NVMe, its place among the kernel's devices tells how it is reached.
std::string transport_of(const std::string& disk) {
  if (auto nvme = os::try_read_text(disk + "/device/transport")) return *nvme;
  if (disk.find("/session") != std::string::npos) return "iscsi";
  if (disk.find("/rport-") != std::string::npos) return "fc";
  return "";
}

// The device mapper's volumes say who made them at the start of their identity.
std::string mapped_kind(const std::string& disk) {
  const auto name = os::try_read_text(disk + "/dm/name");
  if (!name) return "";
  const std::string identity = os::try_read_text(disk + "/dm/uuid").value_or("");
  const char* maker = "device mapper volume";
  if (identity.starts_with("LVM-")) maker = "LVM volume";
  if (identity.starts_with("CRYPT-")) maker = "dm-crypt volume";
  if (identity.find("mpath-") != std::string::npos) maker = "multipath device";
  return fmt::format("{} {}", maker, *name);
}

void look_at_kind(const std::string& disk, BlockDevice* device) {
  device->kind = mapped_kind(disk);
  if (const auto level = os::try_read_text(disk + "/md/level")) device->kind = "md " + *level;
  if (device->name.starts_with("bcache")) device->kind = "bcache device";
  if (const auto file = os::try_read_text(disk + "/loop/backing_file")) {
    device->kind = "loop device over " + *file;
    if (os::try_read_text(disk + "/loop/dio").value_or("0") != "1") {
      device->hidden_cache = fmt::format(
          "{} reads {} through that file's own pages in memory, which eviction does not reach "
          "(losetup --direct-io=on reads past them)",
          device->name, *file);
    }
  }
}

BlockDevice device_at(const std::filesystem::path& folder, unsigned depth) {
  BlockDevice device;
  device.name = folder.filename();
  const std::string dev = os::try_read_text(folder / "dev").value_or("");
  if (const auto numbers = os::split(dev, ':'); numbers.size() == 2) {
    device.major = static_cast<unsigned>(os::number_of(numbers[0]).value_or(0));
    device.minor = static_cast<unsigned>(os::number_of(numbers[1]).value_or(0));
  }
  // A partition's folder lies inside its disk's, which has the queue.
  std::error_code error;
  const bool partition = std::filesystem::exists(folder / "partition", error);
  const std::string disk = partition ? folder.parent_path() : folder;
  if (const auto text = os::try_read_text(disk + "/queue/rotational")) {
    device.rotational = *text == "1";
  }
  device.scheduler = scheduler_in_use(os::try_read_text(disk + "/queue/scheduler").value_or(""));
  device.model = os::try_read_text(disk + "/device/model").value_or("");
  device.transport = transport_of(disk);
  look_at_kind(disk, &device);
  constexpr unsigned k_deepest = 8;
  if (depth == k_deepest) return device;
  for (std::filesystem::directory_iterator it(disk + "/slaves", error), last; !error && it != last;
       it.increment(error)) {
    std::error_code gone;
    const std::filesystem::path slave = std::filesystem::canonical(it->path(), gone);
    if (!gone) device.below.push_back(device_at(slave, depth + 1));
  }
  std::sort(device.below.begin(), device.below.end(),
            [](const BlockDevice& a, const BlockDevice& b) { return a.name < b.name; });
  for (const BlockDevice& below : device.below) {
    if (device.hidden_cache.empty()) device.hidden_cache = below.hidden_cache;
  }
  return device;
}

void collect(const BlockDevice& device, std::vector<const BlockDevice*>* found) {
  for (const BlockDevice& below : device.below) collect(below, found);
  if (!device.below.empty()) return;
  const bool known = std::any_of(found->begin(), found->end(),
                                 [&](const auto* other) { return other->name == device.name; });
  if (!known) found->push_back(&device);
}

std::string why_disk_is_network(const BlockDevice& disk) {
  for (const std::string_view start : {"nbd", "rbd", "drbd"}) {
    if (disk.name.starts_with(start)) {
      return fmt::format("{} is a network block device", disk.name);
    }
  }
  if (disk.transport == "iscsi") return disk.name + " is reached over iSCSI";
  if (disk.transport == "fc") return disk.name + " is reached over Fibre Channel";
  if (!disk.transport.empty() && disk.transport != "pcie") {
    return fmt::format("NVMe over {}", disk.transport);
  }
  for (const std::string_view name : {"Amazon Elastic Block Store", "PersistentDisk"}) {
    if (disk.model.find(name) != std::string::npos) {
      return fmt::format("the disk says \"{}\": a cloud volume over the network", disk.model);
    }
  }
  return "";
}

}  // namespace

std::optional<BlockDevice> find_block_device(unsigned major, unsigned minor,
                                             const std::string& sys) {
  std::error_code error;
  const std::filesystem::path folder =
      std::filesystem::canonical(fmt::format("{}/dev/block/{}:{}", sys, major, minor), error);
  if (error) return std::nullopt;
  BlockDevice device = device_at(folder, 0);
  device.major = major;
  device.minor = minor;
  return device;
}

std::vector<BlockDevice> devices_of_btrfs(const BlockDevice& device, const std::string& sys) {
  namespace fs = std::filesystem;
  std::vector<BlockDevice> devices;
  std::error_code error;
  // One folder for each file system, with a link to each of its devices.
  for (fs::directory_iterator it(sys + "/fs/btrfs", error), last; !error && it != last;
       it.increment(error)) {
    const fs::path folder = it->path() / "devices";
    std::error_code gone;
    if (!fs::exists(folder / device.name, gone)) continue;
    for (fs::directory_iterator one(folder, gone), end; !gone && one != end; one.increment(gone)) {
      std::error_code broken;
      const fs::path place = fs::canonical(one->path(), broken);
      if (broken) return {};
      devices.push_back(device_at(place, 0));
    }
    break;
  }
  std::sort(devices.begin(), devices.end(),
            [](const BlockDevice& a, const BlockDevice& b) { return a.name < b.name; });
  return devices;
}

std::vector<const BlockDevice*> physical_devices(const BlockDevice& device) {
  std::vector<const BlockDevice*> found;
  collect(device, &found);
  return found;
}

std::string describe(const BlockDevice& device) {
  if (device.kind.empty()) return device.name;
  std::vector<std::string> names;
  for (const BlockDevice* disk : physical_devices(device)) {
    if (disk != &device) names.push_back(disk->name);
  }
  return fmt::format("{} ({}{}{})", device.name, device.kind, names.empty() ? "" : " on ",
                     fmt::join(names, ", "));
}

std::string why_network(const BlockDevice& device) {
  for (const BlockDevice* disk : physical_devices(device)) {
    std::string why = why_disk_is_network(*disk);
    if (why.empty()) continue;
    return disk == &device ? why : fmt::format("{} lies on {}: {}", device.name, disk->name, why);
  }
  return "";
}

}  // namespace coldload::storage
