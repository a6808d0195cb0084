// A block device as sysfs knows it, with the devices that it is made of.
//
// Layer: storage. Knows nothing of model formats.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace coldload::storage {

struct BlockDevice {
  unsigned major = 0;
  unsigned minor = 0;
  std::string name;       // "nvme0n1", or the partition "nvme0n1p1"
  std::string model;      // empty where the driver gives none
  std::string transport;  // NVMe's: "pcie", "tcp", "rdma", ...; "iscsi", "fc"; empty elsewhere
  std::string scheduler;  // the one in use
  std::optional<bool> rotational;
  std::string kind;                // "LVM volume vg-models", "md raid0", ...; empty for a disk
  std::vector<BlockDevice> below;  // what a device of such a kind lies on
  // Why what it reads may come from a cache on this machine that eviction does not reach; or empty.
  std::string hidden_cache;
};

// Nothing where sysfs does not know the device. `sys` is where sysfs is mounted.
[[nodiscard]] std::optional<BlockDevice> find_block_device(unsigned major, unsigned minor,
                                                           const std::string& sys = "/sys");

// The devices of the btrfs that has `device` among its own, itself included, by name. Empty where
// sysfs does not tell.
[[nodiscard]] std::vector<BlockDevice> devices_of_btrfs(const BlockDevice& device,
                                                        const std::string& sys = "/sys");

// The devices that `device` lies on at the very bottom, each once: itself for a disk.
[[nodiscard]] std::vector<const BlockDevice*> physical_devices(const BlockDevice& device);

// "vda", or "dm-0 (LVM volume vg-models on nvme0n1p2, nvme1n1p2)".
[[nodiscard]] std::string describe(const BlockDevice& device);

// Why a device or one below it is reached over a network; empty where none is known to be.
[[nodiscard]] std::string why_network(const BlockDevice& device);

}  // namespace coldload::storage
