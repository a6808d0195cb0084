#include "os/file.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"

namespace coldload::os {

std::string read_text(const std::string& path, std::size_t limit_bytes) {
  const Fd file = open_file(path, O_RDONLY | O_NONBLOCK);
  std::string text;
  while (read_some(file, &text)) {
    if (text.size() > limit_bytes) {
      throw Error(fmt::format("cannot read {}: it is larger than {} bytes", path, limit_bytes));
    }
  }
  return text;
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

}  // namespace coldload::os
