#include "server/config_file.h"

#include <array>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include "os/child_answer.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/interrupt.h"

namespace coldload::server {

namespace {

constexpr std::size_t k_limit_bytes = 1 << 20;

// Of a regular file alone: a pipe or a device might never end.
std::string text_of(const std::string& path) {
  const os::Fd file = os::open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw os::SystemError("look at", path, errno);
  if (!S_ISREG(status.st_mode)) throw os::Error(fmt::format("{} is no regular file", path));
  std::string text;
  std::array<char, 65536> chunk{};
  while (text.size() <= k_limit_bytes) {
    const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw os::SystemError("read", path, errno);
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  throw os::Error(fmt::format("{} is larger than 1 MiB, which no file of flags is", path));
}

bool is_true(const std::string& text) { return text == "true" || text == "True" || text == "TRUE"; }
bool is_false(const std::string& text) {
  return text == "false" || text == "False" || text == "FALSE";
}

// A quoted scalar is text, whatever it reads like.
bool is_plain(const YAML::Node& node) { return node.Tag() != "!"; }

void add_scalar(const std::string& flag, const YAML::Node& value, std::vector<std::string>* words) {
  const std::string& text = value.Scalar();
  if (is_plain(value) && is_true(text)) {
    words->push_back(flag);
  } else if (is_plain(value) && is_false(text)) {
    words->push_back("--no-" + flag.substr(2));
  } else {
    words->push_back(fmt::format("{}={}", flag, text));
  }
}

// Aliases are not followed into: a few lines can stand for more than any memory.
void add_list(const std::string& flag, const YAML::Node& list, std::vector<std::string>* words) {
  bool is_first = true;
  for (const YAML::Node& item : list) {
    const std::string text = item.IsScalar() ? item.Scalar() : "{...}";
    words->push_back(is_first ? fmt::format("{}={}", flag, text) : text);
    is_first = false;
  }
}

std::vector<std::string> words_of(const YAML::Node& root) {
  std::vector<std::string> words;
  for (const auto& entry : root) {
    if (!entry.first.IsScalar()) throw os::Error("one of its flags is no plain word");
    const std::string flag = "--" + entry.first.Scalar();
    if (entry.second.IsScalar()) {
      add_scalar(flag, entry.second, &words);
    } else if (entry.second.IsSequence()) {
      add_list(flag, entry.second, &words);
    } else {
      words.push_back(entry.second.IsMap() ? flag + "={...}" : flag);
    }
  }
  return words;
}

}  // namespace

std::vector<std::string> words_of_config(const std::string& path) {
  constexpr std::chrono::seconds k_patience{5};
  const auto answer =
      os::answer_of_child([&path] { return text_of(path); }, os::Clock::now() + k_patience);
  if (!answer && os::interrupted()) {
    throw os::Error(fmt::format("cannot read {}: interrupted", path));
  }
  if (!answer) {
    throw os::Error(
        fmt::format("cannot read {}: no answer within {} s: its mount hangs, or is very slow", path,
                    k_patience.count()));
  }
  return words_of_config_text(*answer, path);
}

std::vector<std::string> words_of_config_text(const std::string& text, const std::string& path) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return {};
    if (!root.IsMap()) throw os::Error("it is no mapping from flags to values");
    return words_of(root);
  } catch (const YAML::Exception& error) {
    throw os::Error(
        fmt::format("cannot read {} as YAML: {} (line {})", path, error.msg, error.mark.line + 1));
  } catch (const os::Error& error) {
    throw os::Error(fmt::format("cannot use {}: {}", path, error.what()));
  }
}

}  // namespace coldload::server
