#include "storage/file_systems.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "os/kernel_text.h"
#include "storage/fuse_daemon.h"

namespace coldload::storage {

namespace {

constexpr DaemonCache k_rclone{.programs = "rclone rclonefs mount.rclone",
                               .options = "vfs-cache-mode",
                               .off = "off",
                               .variable = "RCLONE_VFS_CACHE_MODE"};
constexpr DaemonCache k_s3fs{.programs = "s3fs", .options = "use-cache"};
constexpr DaemonCache k_mountpoint{.programs = "mount-s3",
                                   .options = "cache cache-xz cache-express-one-zone"};
// A configuration file may turn it on, too.
constexpr DaemonCache k_gcsfuse{.programs = "gcsfuse mount.gcsfuse",
                                .options = "cache-dir config-file",
                                .variable = "GCSFUSE_CACHE_DIR"};
constexpr DaemonCache k_juicefs{
    .programs = "juicefs mount.juicefs", .options = "cache-size", .off = "0", .unless_off = true};
constexpr DaemonCache k_goofys{.programs = "goofys", .options = "cache"};

constexpr std::string_view k_fs_cache = "FS-Cache";
constexpr std::string_view k_below = "the page cache of the file system below";

// clang-format off
constexpr FileSystem k_table[] = {
    // Memory.
    {.type = "tmpfs", .memory = true},
    {.type = "ramfs", .memory = true},
    {.type = "hugetlbfs", .memory = true},
    {.type = "devtmpfs", .memory = true},
    // Local, with a cache of its own.
    {.type = "zfs", .counts = Counts::block_device, .stored = Stored::unseen, .cache = "ZFS's ARC"},
    {.type = "fuseblk", .counts = Counts::block_device, .stored = Stored::unseen,
     .cache = "the block device's own page cache"},
    // Images.
    {.type = "squashfs", .counts = Counts::block_device, .stored = Stored::unseen},
    {.type = "erofs", .counts = Counts::block_device, .stored = Stored::blocks},
    {.type = "ecryptfs", .reach = Reach::local, .cache = k_below},
    {.type = "fuse.fuse-overlayfs", .reach = Reach::local, .cache = k_below},
    {.type = "fuse.mergerfs", .reach = Reach::local, .cache = k_below},
    {.type = "fuse.bindfs", .reach = Reach::local, .cache = k_below},
    {.type = "fuse.gocryptfs", .reach = Reach::local, .cache = k_below},
    {.type = "fuse.encfs", .reach = Reach::local, .cache = k_below},
    {.type = "fuse.coldload", .reach = Reach::stand_in, .counts = Counts::stand_in},
    // Shared by the hypervisor's host.
    {.type = "9p", .reach = Reach::host, .cache = k_fs_cache,
     .cache_mount = "cache=fscache", .far_side = "the host"},
    {.type = "virtiofs", .reach = Reach::host,
     .cache = "the host's page cache, which DAX maps into this machine,", .cache_mount = "dax",
     .far_side = "the host"},
    // File servers, by the kernel.
    {.type = "nfs", .reach = Reach::network, .counts = Counts::nfs_mountstats, .cache = k_fs_cache,
     .cache_mount = "fsc", .far_side = "the NFS server"},
    {.type = "nfs4", .reach = Reach::network, .counts = Counts::nfs_mountstats, .cache = k_fs_cache,
     .cache_mount = "fsc", .far_side = "the NFS server"},
    {.type = "cifs", .reach = Reach::network, .counts = Counts::cifs_stats, .cache = k_fs_cache,
     .cache_mount = "fsc", .far_side = "the SMB server"},
    {.type = "smb3", .reach = Reach::network, .counts = Counts::cifs_stats, .cache = k_fs_cache,
     .cache_mount = "fsc", .far_side = "the SMB server"},
    {.type = "ceph", .reach = Reach::network, .cache = k_fs_cache,
     .cache_mount = "fsc", .far_side = "Ceph's storage daemons"},
    {.type = "lustre", .reach = Reach::network, .far_side = "Lustre's object servers",
     .remark = "whether Lustre's persistent client cache (PCC) keeps files on a local disk does not show"},
    {.type = "beegfs", .reach = Reach::network, .far_side = "BeeGFS's storage servers"},
    {.type = "gpfs", .reach = Reach::network, .cache = "GPFS's page pool", .far_side = "GPFS's servers"},
    {.type = "afs", .reach = Reach::network, .cache = "AFS's cache manager", .far_side = "the AFS server"},
    // File servers and object stores, by FUSE.
    {.type = "fuse.sshfs", .reach = Reach::network, .far_side = "the SFTP server"},
    {.type = "fuse.ceph-fuse", .reach = Reach::network,
     .cache = "ceph-fuse's object cache (client_oc)", .far_side = "Ceph's storage daemons"},
    {.type = "fuse.ceph", .reach = Reach::network,
     .cache = "ceph-fuse's object cache (client_oc)", .far_side = "Ceph's storage daemons"},
    {.type = "fuse.glusterfs", .reach = Reach::network,
     .cache = "GlusterFS's client (io-cache)", .far_side = "GlusterFS's servers"},
    {.type = "fuse.rclone", .reach = Reach::network,
     .cache = "rclone's VFS cache", .daemon = &k_rclone, .far_side = "rclone's remote",
     .remark = "rclone's configuration, where a remote of type cache would stand, is not looked at"},
    {.type = "fuse.s3fs", .reach = Reach::network,
     .cache = "s3fs's local cache", .daemon = &k_s3fs, .far_side = "the object store"},
    {.type = "fuse", .source = "mountpoint-s3", .reach = Reach::network,
     .cache = "Mountpoint's cache", .daemon = &k_mountpoint, .far_side = "the object store"},
    {.type = "fuse.mountpoint-s3", .reach = Reach::network,
     .cache = "Mountpoint's cache", .daemon = &k_mountpoint, .far_side = "the object store"},
    {.type = "fuse.gcsfuse", .reach = Reach::network,
     .cache = "gcsfuse's file cache", .daemon = &k_gcsfuse, .far_side = "the object store"},
    {.type = "fuse.juicefs", .reach = Reach::network,
     .cache = "JuiceFS's cache", .daemon = &k_juicefs, .far_side = "the object store"},
    {.type = "fuse.goofys", .reach = Reach::network,
     .cache = "goofys's cache", .daemon = &k_goofys, .far_side = "the object store"},
    {.type = "fuse", .source = "blobfuse2", .reach = Reach::network,
     .cache = "blobfuse2's cache", .far_side = "the object store"},
};
// clang-format on

constexpr FileSystem k_on_a_device{.type = "on a block device", .counts = Counts::block_device};
constexpr FileSystem k_unknown_fuse{
    .type = "fuse",
    .reach = Reach::unknown,
    .remark =
        "what an unknown FUSE daemon keeps in memory or on disk, and what is behind it, "
        "cannot be seen"};

bool is_fuse(const Mount& mount) { return mount.fs_type.rfind("fuse", 0) == 0; }

// 9p writes cache=fscache as the hexadecimal digits of its bits since Linux 6.4.
bool is_9p_fscache(const std::string& value) {
  unsigned bits = 0;
  constexpr unsigned k_fscache_bit = 0x80;
  const std::size_t start = value.rfind("0x", 0) == 0 ? 2 : 0;
  const char* end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data() + start, end, bits, 16);
  if (parsed.ec == std::errc() && parsed.ptr == end) return (bits & k_fscache_bit) != 0;
  return value == "fscache";
}

// The option as it stands in the mount's options, where it says that there is a cache.
std::optional<std::string> cache_option(const FileSystem& system, const Mount& mount) {
  const std::string_view key = system.cache_mount.substr(0, system.cache_mount.find('='));
  const auto value = mount_option(mount, key);
  if (!value) return std::nullopt;
  if (key != system.cache_mount && !is_9p_fscache(*value)) return std::nullopt;
  if (*value == "never") return std::nullopt;  // virtiofs's dax=never
  return value->empty() ? std::string(key) : fmt::format("{}={}", key, *value);
}

std::string hidden_by_daemon(const FileSystem& system, const Mount& mount,
                             const std::string& proc) {
  const DaemonCache& rule = *system.daemon;
  const auto daemon = find_fuse_daemon(mount, os::split(rule.programs, ' '), proc);
  if (!daemon) {
    return fmt::format(
        "{} may hold the files on this machine: its daemon's command line, which would tell, is "
        "not to be found",
        system.cache);
  }
  const std::string holds =
      fmt::format("{} keeps files on this machine, out of reach of eviction", system.cache);
  for (const std::string_view name : os::split(rule.options, ' ')) {
    const auto value = daemon->option(name);
    if (!value) continue;
    if (!rule.off.empty() && *value == rule.off) return "";
    return fmt::format("{} (its daemon has the option {})", holds, name);
  }
  if (rule.unless_off) {
    return fmt::format("{} unless its daemon has the option {}={}", holds, rule.options, rule.off);
  }
  if (rule.variable.empty()) return "";
  if (!daemon->environment) {
    return fmt::format(
        "{} may hold the files on this machine: {} may turn it on, and the daemon's "
        "environment is not readable for us",
        system.cache, rule.variable);
  }
  const auto value = daemon->variable(rule.variable);
  if (!value || (!rule.off.empty() && *value == rule.off)) return "";
  return fmt::format("{} (its daemon's environment has {})", holds, rule.variable);
}

}  // namespace

std::span<const FileSystem> known_file_systems() { return k_table; }

const FileSystem& file_system_of(const Mount& mount) {
  const auto* row =
      std::find_if(std::begin(k_table), std::end(k_table), [&](const FileSystem& one) {
        return one.type == mount.fs_type && (one.source.empty() || one.source == mount.source);
      });
  if (row != std::end(k_table)) return *row;
  return is_fuse(mount) ? k_unknown_fuse : k_on_a_device;
}

bool other_machines_may_reach(const Mount& mount) {
  const Reach reach = file_system_of(mount).reach;
  return reach == Reach::network || reach == Reach::unknown;
}

bool opening_may_drop_pages(const Mount& mount) {
  return is_fuse(mount) && file_system_of(mount).reach != Reach::stand_in;
}

bool may_hang(const Mount& mount) {
  const Reach reach = file_system_of(mount).reach;
  return is_fuse(mount) || reach == Reach::network || reach == Reach::host;
}

std::string hidden_cache_of(const Mount& mount, const std::string& proc) {
  const FileSystem& system = file_system_of(mount);
  if (system.reach == Reach::unknown) {
    return fmt::format(
        "{} is a FUSE daemon that coldload does not know: it may hold the files on this machine, "
        "out "
        "of reach of eviction",
        mount.fs_type);
  }
  if (system.cache.empty()) return "";
  if (system.daemon != nullptr) return hidden_by_daemon(system, mount, proc);
  if (system.cache_mount.empty()) {
    return fmt::format("{} holds files where mincore cannot see them and eviction does not reach",
                       system.cache);
  }
  const auto option = cache_option(system, mount);
  if (!option) return "";
  return fmt::format("{} keeps files where eviction does not reach (mount option {})", system.cache,
                     *option);
}

}  // namespace coldload::storage
