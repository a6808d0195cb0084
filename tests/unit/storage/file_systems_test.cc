#include "storage/file_systems.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file.h"
#include "storage/byte_counter.h"
#include "storage/path_info.h"
#include "unit/source_folder.h"
#include "unit/temporary_directory.h"

namespace coldload::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What is to be said of one real-shaped line of mountinfo.
struct Case {
  const char* line;  // from the file system's type on
  bool network;
  const char* own_cache;  // a part of the sentence; empty: none
  const char* far_side;   // a part of what nobody sees; empty: nothing
};

// The daemons of FUSE mounts are none of them running: see FuseDaemonOptions for those.
constexpr Case k_cases[] = {
    {"nfs4 10.0.0.5:/models rw,vers=4.2,rsize=1048576,proto=tcp,addr=10.0.0.5", true, "",
     "NFS server"},
    {"nfs4 10.0.0.5:/models rw,vers=4.2,fsc,addr=10.0.0.5", true, "FS-Cache", "NFS server"},
    {"nfs filer:/vol0 rw,vers=3,proto=tcp,mountaddr=10.0.0.5", true, "", "NFS server"},
    {"cifs //nas/models rw,vers=3.1.1,cache=strict,username=m,soft", true, "", "SMB server"},
    {"cifs //nas/models rw,vers=3.1.1,cache=strict,fsc", true, "option fsc", "SMB server"},
    {"smb3 //nas/models rw,vers=3.1.1,cache=strict", true, "", "SMB server"},
    {"9p hostshare rw,access=client,trans=virtio", false, "", "the host"},
    {"9p hostshare rw,cache=loose,trans=virtio", false, "", "the host"},
    {"9p hostshare rw,cache=f,trans=virtio", false, "", "the host"},
    {"9p hostshare rw,cache=fscache,trans=virtio", false, "cache=fscache", "the host"},
    {"9p hostshare rw,cache=8f,cachetag=t,trans=virtio", false, "cache=8f", "the host"},
    {"virtiofs models rw", false, "", "the host"},
    {"virtiofs models rw,dax=always", false, "DAX", "the host"},
    {"virtiofs models rw,dax=never", false, "", "the host"},
    {"lustre 10.0.0.1@tcp:/scratch rw,flock,user_xattr,lruresize", true, "", "object servers"},
    {"ceph 10.0.0.1:6789:/ rw,name=m,secret=<hidden>,acl", true, "", "storage daemons"},
    {"ceph 10.0.0.1:6789:/ rw,name=m,fsc,acl", true, "FS-Cache", "storage daemons"},
    {"fuse.ceph-fuse ceph-fuse rw,user_id=0,group_id=0,allow_other", true, "client_oc",
     "storage daemons"},
    {"fuse.s3fs s3fs rw,user_id=0,group_id=0,allow_other", true, "s3fs's local cache",
     "object store"},
    {"fuse mountpoint-s3 ro,user_id=0,group_id=0,default_permissions", true, "Mountpoint's cache",
     "object store"},
    {"fuse.gcsfuse bucket rw,user_id=0,group_id=0,default_permissions", true, "gcsfuse's file",
     "object store"},
    {"fuse.rclone remote:models ro,user_id=0,group_id=0", true, "rclone's VFS cache", "remote"},
    {"fuse.juicefs JuiceFS:myjfs rw,user_id=0,group_id=0", true, "JuiceFS's cache", "object store"},
    {"fuse.glusterfs gl1:/vol rw,user_id=0,group_id=0", true, "io-cache", "GlusterFS"},
    {"fuse.sshfs u@host:/models rw,user_id=1000,group_id=1000", true, "", "SFTP server"},
    {"fuse.mine mine rw,user_id=0,group_id=0", false, "does not know", "unknown FUSE daemon"},
    {"fuse.bindfs /data rw,user_id=0,group_id=0", false, "file system below", ""},
    {"zfs tank/models rw,xattr,noacl", false, "ZFS's ARC", ""},
    {"gpfs gpfs0 rw,relatime", true, "page pool", "GPFS"},
    {"ext4 /dev/nothing rw,relatime", false, "", ""},
    {"tmpfs tmpfs rw,size=1024k", false, "", ""},
};

PathInfo info_of(const std::string& line) {
  PathInfo info;
  info.path = "/mnt/x";
  info.mount = parse_mountinfo("36 35 0:34 / /mnt/x rw shared:7 - " + line + "\n").at(0);
  classify(&info);
  return info;
}

TEST(FileSystems, OtherMachinesReachWhatServersAndUnknownDaemonsHave) {
  for (const char* type : {"nfs4", "lustre", "fuse.sshfs", "fuse.of_somebody"}) {
    Mount mount;
    mount.fs_type = type;
    EXPECT_TRUE(other_machines_may_reach(mount)) << type;
  }
  for (const char* type : {"ext4", "tmpfs", "overlay", "fuse.fuse-overlayfs"}) {
    Mount mount;
    mount.fs_type = type;
    EXPECT_FALSE(other_machines_may_reach(mount)) << type;
  }
}

TEST(FileSystems, ThatADaemonOrAnotherMachineAnswersForMayHang) {
  for (const char* type : {"nfs4", "lustre", "9p", "virtiofs", "fuse.sshfs", "fuse.of_somebody",
                           "fuse.coldload", "fuse.mergerfs", "fuseblk"}) {
    Mount mount;
    mount.fs_type = type;
    EXPECT_TRUE(may_hang(mount)) << type;
  }
  for (const char* type : {"ext4", "xfs", "tmpfs", "overlay", "squashfs", "of_somebody"}) {
    Mount mount;
    mount.fs_type = type;
    EXPECT_FALSE(may_hang(mount)) << type;
  }
}

TEST(FileSystems, EachIsReachedCachedAndLeftUnseenAsItIs) {
  for (const Case& one : k_cases) {
    SCOPED_TRACE(one.line);
    const PathInfo info = info_of(one.line);
    EXPECT_EQ(info.network, one.network);
    EXPECT_THAT(info.network_reason, ::testing::Not(IsEmpty()));
    if (*one.own_cache == '\0') {
      EXPECT_EQ(info.hidden_cache, "");
      EXPECT_NE(info.cache, CacheKind::hidden);
    } else {
      EXPECT_THAT(info.hidden_cache, HasSubstr(one.own_cache));
      EXPECT_EQ(info.cache, CacheKind::hidden);
    }
    if (*one.far_side == '\0') {
      EXPECT_THAT(info.unseen, IsEmpty());
    } else {
      ASSERT_FALSE(info.unseen.empty());
      EXPECT_THAT(info.unseen.front(), HasSubstr(one.far_side));
    }
  }
}

TEST(FileSystems, AnOverlayIsWhatItsLayerIs) {
  PathInfo info;
  info.mount = parse_mountinfo("1 2 0:9 / /merged rw - overlay overlay rw,lowerdir=/nfs\n").at(0);
  info.layer = parse_mountinfo("1 2 0:8 / /nfs rw - nfs4 filer:/vol rw,fsc\n").at(0);
  classify(&info);
  EXPECT_TRUE(info.network);
  EXPECT_THAT(info.network_reason, HasSubstr("overlay over nfs4"));
  EXPECT_THAT(info.hidden_cache, HasSubstr("FS-Cache"));
}

TEST(FileSystems, MemoryIsMemory) {
  for (const char* type : {"tmpfs", "ramfs", "hugetlbfs"}) {
    EXPECT_EQ(info_of(std::string(type) + " none rw").cache, CacheKind::memory_backed);
  }
}

// Users are told of every type that the table knows.
TEST(FileSystems, AreAllInTheDocumentation) {
  const std::string page = os::read_text(std::string(k_source_folder) + "/docs/cold.md");
  for (const FileSystem& system : known_file_systems()) {
    const std::string name(system.source.empty() ? system.type : system.source);
    EXPECT_THAT(page, HasSubstr('`' + name + '`'));
  }
}

// What a daemon's command line tells of its cache, with a procfs of our own.
struct DaemonCase {
  const char* mount;  // type and source
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  bool absent;  // its cache was seen to be absent
};

class FuseDaemonOptions : public ::testing::Test {
 protected:
  void process(const std::string& pid, const std::vector<std::string>& argv,
               const std::vector<std::string>& environment) {
    const std::filesystem::path folder = std::filesystem::path(proc_.path()) / pid;
    std::filesystem::create_directory(folder);
    std::ofstream line(folder / "cmdline");
    for (const std::string& word : argv) line << word << '\0';
    std::ofstream variables(folder / "environ");
    for (const std::string& word : environment) variables << word << '\0';
  }
  [[nodiscard]] std::string cache_of(const std::string& mount) const {
    return hidden_cache_of(
        parse_mountinfo("1 2 0:9 / /mnt/x rw - " + mount + " rw,user_id=0\n").at(0), proc_.path());
  }
  TemporaryDirectory proc_{"coldload-test"};
};

TEST_F(FuseDaemonOptions, TellWhetherThereIsACache) {
  const std::vector<DaemonCase> cases{
      {"fuse.rclone r:", {"/usr/bin/rclone", "mount", "r:", "/mnt/x"}, {}, true},
      {"fuse.rclone r:", {"rclone", "mount", "--vfs-cache-mode", "off", "r:", "/mnt/x/"}, {}, true},
      {"fuse.rclone r:", {"rclone", "mount", "--vfs-cache-mode=full", "r:", "/mnt/x"}, {}, false},
      {"fuse.rclone r:",
       {"rclone", "mount", "r:", "/mnt/x", "--vfs-cache-mode", "writes"},
       {},
       false},
      {"fuse.rclone r:",
       {"mount.rclone", "r:", "/mnt/x", "-o", "ro,vfs_cache_mode=full"},
       {},
       false},
      {"fuse.rclone r:",
       {"rclone", "mount", "r:", "/mnt/x"},
       {"RCLONE_VFS_CACHE_MODE=full"},
       false},
      {"fuse.rclone r:", {"rclone", "mount", "r:", "/mnt/x"}, {"RCLONE_VFS_CACHE_MODE=off"}, true},
      {"fuse.s3fs s3fs", {"s3fs", "bucket", "/mnt/x", "-o", "url=http://s3:9000"}, {}, true},
      {"fuse.s3fs s3fs", {"s3fs", "bucket", "/mnt/x", "-o", "use_cache=/tmp/c"}, {}, false},
      {"fuse.s3fs s3fs", {"s3fs", "bucket", "/mnt/x", "-ouse_cache=/tmp/c,ro"}, {}, false},
      {"fuse mountpoint-s3", {"mount-s3", "bucket", "/mnt/x"}, {}, true},
      {"fuse mountpoint-s3", {"mount-s3", "--cache", "/nvme", "bucket", "/mnt/x"}, {}, false},
      {"fuse.gcsfuse b", {"gcsfuse", "--foreground", "b", "/mnt/x"}, {}, true},
      {"fuse.gcsfuse b", {"gcsfuse", "--cache-dir=/nvme", "b", "/mnt/x"}, {}, false},
      {"fuse.gcsfuse b", {"gcsfuse", "--config-file", "c.yaml", "b", "/mnt/x"}, {}, false},
      {"fuse.juicefs JuiceFS:j", {"juicefs", "mount", "redis://h/1", "/mnt/x"}, {}, false},
      {"fuse.juicefs JuiceFS:j",
       {"juicefs", "mount", "--cache-size", "0", "r", "/mnt/x"},
       {},
       true},
      // Another mount's daemon tells nothing of this one.
      {"fuse.rclone r:", {"rclone", "mount", "r:", "/mnt/other"}, {}, false},
      {"fuse.rclone r:", {"sleep", "/mnt/x"}, {}, false},
  };
  for (const DaemonCase& one : cases) {
    SCOPED_TRACE(::testing::PrintToString(one.argv) + ::testing::PrintToString(one.environment));
    process("4711", one.argv, one.environment);
    EXPECT_EQ(cache_of(one.mount).empty(), one.absent) << cache_of(one.mount);
  }
}

TEST_F(FuseDaemonOptions, AreUnknownWhereTheEnvironmentIsAnothers) {
  process("4711", {"rclone", "mount", "r:", "/mnt/x"}, {});
  std::filesystem::remove(std::filesystem::path(proc_.path()) / "4711" / "environ");
  EXPECT_THAT(cache_of("fuse.rclone r:"), HasSubstr("not readable"));
}

// s3fs goes to the root when it has gone to the background.
TEST_F(FuseDaemonOptions, AreFoundWhereTheMountPointIsRelativeToWhereTheDaemonWasStarted) {
  process("4711", {"s3fs", "bucket", "x"}, {"HOME=/root", "PWD=/mnt"});
  std::filesystem::create_symlink("/", std::filesystem::path(proc_.path()) / "4711" / "cwd");
  EXPECT_EQ(cache_of("fuse.s3fs s3fs"), "");
}

TEST_F(FuseDaemonOptions, AreThoseOfTheProcessThatHoldsTheConnectionWhateverItsWordsAre) {
  process("4711", {"s3fs", "bucket", "link/to/it"}, {});
  process("4712", {"s3fs", "bucket", "/mnt/x", "-o", "use_cache=/tmp/c"}, {});  // hidden by it
  const auto connection = [&](const char* pid, const char* number) {
    const std::filesystem::path folder = std::filesystem::path(proc_.path()) / pid / "fdinfo";
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "3") << "pos:\t0\nflags:\t02100002\nfuse_connection:\t" << number
                                << "\n";
  };
  connection("4711", "9");
  connection("4712", "8");
  EXPECT_EQ(cache_of("fuse.s3fs s3fs"), "");
  connection("4711", "7");
  EXPECT_THAT(cache_of("fuse.s3fs s3fs"), HasSubstr("not to be found"));
}

TEST_F(FuseDaemonOptions, AreUnknownWhereTwoDaemonsDiffer) {
  process("4711", {"rclone", "mount", "r:", "/mnt/x"}, {});
  EXPECT_EQ(cache_of("fuse.rclone r:"), "");
  process("4712", {"rclone", "mount", "s:", "/mnt/x"}, {});
  EXPECT_THAT(cache_of("fuse.rclone r:"), HasSubstr("not to be found"));
}

}  // namespace
}  // namespace coldload::storage
