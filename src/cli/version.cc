#include "cli/version.h"

#include <fmt/format.h>

#include "gpu/nvml.h"
#include "load/uring_io.h"
#include "stand_in/stand_in.h"

namespace coldload::cli {

std::string version_text() {
  std::string text =
      fmt::format("coldload {} ({}, {}, {})\n", k_build_info.version, k_build_info.commit,
                  k_build_info.compiler, k_build_info.build_type);
  const auto part = [&](const char* name, const os::Availability& available) {
    text += fmt::format("  {:<22} {}\n", name,
                        available.ok ? "available" : "not available: " + available.reason);
  };
  part("io_uring", load::io_uring_availability());
  part("stand-ins (FUSE)", stand_in::available());
  part("GPU memory (NVML)", gpu::Nvml().availability());
  return text;
}

}  // namespace coldload::cli
