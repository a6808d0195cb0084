// Which pages of an open file are in the page cache: the one place that asks mincore(2).
//
// mincore on a mapping is the authority: on overlayfs cachestat(2) answered 0 while every page was
// resident. The mapping gives no access, so that looking never faults a page in.
//
// Layer: os. Knows nothing of models or storage.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "os/fd.h"
#include "os/mapping.h"

namespace coldload::os {

// Whether the kernel tells about the pages of `file`: it does to the owner, to whoever may write
// it, and to who has CAP_FOWNER over it. To everybody else it answers that all are resident.
[[nodiscard]] bool may_see_pages(const Fd& file);

class FilePages {
 public:
  FilePages() = default;  // of no file: tells nothing
  // Maps `bytes` of `file`, if the kernel tells about it and its file system lets it be mapped.
  // Throws SystemError where mapping fails otherwise.
  FilePages(const Fd& file, std::uint64_t bytes);

  // Whether the kernel tells. Nothing below is to be asked where it does not.
  [[nodiscard]] bool observable() const { return why_unseen_.empty(); }
  // Why it does not: a sentence's end, "the kernel does not tell ..."; empty where it does.
  [[nodiscard]] const std::string& why_unseen() const { return why_unseen_; }

  // Of [offset, offset + bytes), which begins with a page and may end within one: page by page.
  // These throw SystemError.
  [[nodiscard]] std::vector<bool> look(std::uint64_t offset, std::uint64_t bytes) const;
  // In whole pages, but never more than `bytes`.
  [[nodiscard]] std::uint64_t resident_bytes(std::uint64_t offset, std::uint64_t bytes) const;
  // Of the whole file.
  [[nodiscard]] std::uint64_t resident_bytes() const { return resident_bytes(0, pages_.size()); }

 private:
  void for_each(std::uint64_t offset, std::uint64_t bytes,
                const std::function<void(std::span<const unsigned char>)>& take) const;

  Mapping pages_;
  std::string path_;
  std::string why_unseen_ = "there is no file";
};

}  // namespace coldload::os
