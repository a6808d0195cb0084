#include "os/file.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

std::string read_text(const std::string& path, std::size_t limit_bytes) {
  const Fd file = open_file(path, O_RDONLY | O_NONBLOCK);
  std::string text;
  while (true) {
    const std::size_t old_size = text.size();
    constexpr std::size_t k_step = 64 << 10;
    text.resize(old_size + k_step);
    const ssize_t got = ::read(file.get(), text.data() + old_size, k_step);
    if (got < 0 && errno != EINTR) throw SystemError("read", path, errno);
    text.resize(old_size + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got == 0) return text;
    if (text.size() > limit_bytes) {
      throw Error(fmt::format("cannot read {}: it is larger than {} bytes", path, limit_bytes));
    }
  }
}

std::optional<std::string> try_read_text(const std::string& path, std::size_t limit_bytes) {
  try {
    std::string text = read_text(path, limit_bytes);
    const auto end = text.find_last_not_of(" \t\r\n");
    text.resize(end == std::string::npos ? 0 : end + 1);
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void replace_text(const std::string& path, std::string_view text) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  try {
    Fd file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    write_full(file, text);
    if (::fsync(file.get()) != 0) throw SystemError("flush", temporary, errno);
    file.reset();
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
      throw SystemError("write", path, errno);
    }
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

TemporaryDirectory::TemporaryDirectory(const std::string& prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string name =
      fmt::format("{}/{}.XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(name.data()) == nullptr) throw SystemError("create a directory", name, errno);
  path_ = std::move(name);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory::~TemporaryDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace coldload::os
