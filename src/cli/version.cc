#include "cli/version.h"

#include <vector>

#include <fmt/format.h>
#include <linux/capability.h>

#include "gpu/nvml.h"
#include "load/uring_io.h"
#include "os/proc.h"
#include "stand_in/stand_in.h"
#include "storage/page_cache.h"

namespace coldload::cli {

namespace {

struct Part {
  const char* name;
  os::Availability available;
  const char* without;  // what is less where it is not
};

os::Availability capability(unsigned number, const char* reason) {
  const bool has = os::has_capability(number);
  return {has, has ? "" : reason};
}

std::vector<Part> parts() {
  return {
      {"pages of others' files", capability(CAP_FOWNER, "neither root nor CAP_FOWNER"),
       "what is in memory of a file that you neither own nor may write cannot be seen: its loads "
       "are `unknown`, not `verified`"},
      {"others' processes", capability(CAP_SYS_PTRACE, "neither root nor CAP_SYS_PTRACE"),
       "another user who reads the same files during a load is not noticed"},
      {"dropping all caches", storage::may_drop_all_caches(),
       "no --drop-caches; the checkpoint's own pages are evicted all the same"},
      {"stand-ins (FUSE)", stand_in::available(), "no --stand-in and no `coldload shape`"},
      {"io_uring", load::io_uring_availability(),
       "the native loader reads with pread(2), O_DIRECT where the file system takes it"},
      {"GPU memory (NVML)", gpu::Nvml().availability(),
       "gpu_mem_used_mb stays empty, and nobody checks that a GPU is free again"},
  };
}

}  // namespace

std::string version_text() {
  std::string text =
      fmt::format("coldload {} ({}, {}, {})\n", k_build_info.version, k_build_info.commit,
                  k_build_info.compiler, k_build_info.build_type);
  for (const Part& part : parts()) {
    if (part.available.ok) {
      text += fmt::format("  {:<24}available\n", part.name);
    } else {
      text += fmt::format("  {:<24}not available: {}\n  {:<24}so {}\n", part.name,
                          part.available.reason, "", part.without);
    }
  }
  return text;
}

}  // namespace coldload::cli
