// A FUSE file system that shows a directory read-only and never sets keep_cache, as sshfs and most
// others do: opening a file again drops its pages. Runs in the foreground until it is unmounted.
//
//   forgetful_fs SOURCE MOUNTPOINT [--keep] [--direct] [--as TYPE] [--fail NAME] [--hang NAME]
//               [--mark FILE] [--stream FILE]
//
// --keep sets keep_cache after all; --direct sets direct_io: nothing is cached, and a shared
// mapping fails with ENODEV; --as mounts it as the type fuse.TYPE; reads of the file NAME answer
// EIO, or nothing any more, nor does anything else from then on (--mark: once FILE is made).
// --stream makes it stream each file that is open, as rclone does: a read that does not follow the
// last one has it open the stream anew, which takes 50 ms and is written to FILE, a byte each.
#define FUSE_USE_VERSION 35

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fuse.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

std::string g_source;
bool g_keep = false;
bool g_direct = false;
std::string g_type = "forgetful_fs";
std::string g_failing;
std::string g_hanging;
std::string g_mark;

int g_log_of_seeks = -1;
std::map<int, off_t> g_streams;  // by descriptor: where it goes on

void stream_to(int fd, off_t begin, off_t end) {
  off_t& at = g_streams[fd];
  if (std::exchange(at, end) == begin) return;
  constexpr useconds_t k_open_us = 50'000;
  ::usleep(k_open_us);
  if (::write(g_log_of_seeks, "s", 1) != 1) std::perror("forgetful_fs");
}

std::string behind(const char* path) { return g_source + path; }

// The only thread, so that nothing else is answered, either.
[[noreturn]] void hang() {
  if (!g_mark.empty()) ::close(::open(g_mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  while (true) ::pause();
}

int get_attributes(const char* path, struct stat* out, fuse_file_info* /*info*/) {
  return ::lstat(behind(path).c_str(), out) == 0 ? 0 : -errno;
}

int open_file(const char* path, fuse_file_info* info) {
  const int fd = ::open(behind(path).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  info->fh = static_cast<std::uint64_t>(fd);
  info->keep_cache = g_keep ? 1 : 0;
  info->direct_io = g_direct ? 1 : 0;
  return 0;
}

int read_file(const char* path, char* buffer, std::size_t size, off_t offset,
              fuse_file_info* info) {
  if (path == g_failing) return -EIO;
  if (path == g_hanging) hang();
  const int fd = static_cast<int>(info->fh);
  const ssize_t got = ::pread(fd, buffer, size, offset);
  if (g_log_of_seeks >= 0 && got >= 0) stream_to(fd, offset, offset + got);
  return got < 0 ? -errno : static_cast<int>(got);
}

int release_file(const char* /*path*/, fuse_file_info* info) {
  g_streams.erase(static_cast<int>(info->fh));
  ::close(static_cast<int>(info->fh));
  return 0;
}

int read_directory(const char* path, void* buffer, fuse_fill_dir_t fill, off_t /*offset*/,
                   fuse_file_info* /*info*/, fuse_readdir_flags /*flags*/) {
  DIR* directory = ::opendir(behind(path).c_str());
  if (directory == nullptr) return -errno;
  while (const dirent* entry = ::readdir(directory)) {
    fill(buffer, entry->d_name, nullptr, 0, static_cast<fuse_fill_dir_flags>(0));
  }
  ::closedir(directory);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(
        stderr, "usage: forgetful_fs SOURCE MOUNTPOINT [--keep] [--direct] [--fail|--hang NAME]\n");
    return 2;
  }
  g_source = argv[1];
  for (int i = 3; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--keep") g_keep = true;
    if (flag == "--direct") g_direct = true;
    if (flag == "--as" && i + 1 < argc) g_type = argv[++i];
    if (flag == "--fail" && i + 1 < argc) g_failing = std::string("/") + argv[++i];
    if (flag == "--stream" && i + 1 < argc) {
      g_log_of_seeks = ::open(argv[++i], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    if (flag == "--mark" && i + 1 < argc) g_mark = argv[++i];
    if (flag == "--hang" && i + 1 < argc) g_hanging = std::string("/") + argv[++i];
  }
  fuse_operations operations{};
  operations.getattr = get_attributes;
  operations.open = open_file;
  operations.read = read_file;
  operations.release = release_file;
  operations.readdir = read_directory;
  char foreground[] = "-f";
  char single_thread[] = "-s";
  std::string type = "-osubtype=" + g_type;
  char* arguments[] = {argv[0], foreground, single_thread, type.data(), argv[2], nullptr};
  return ::fuse_main(5, arguments, &operations, nullptr);
}
