#include "findings/cache_writes.h"

#include "findings/setting.h"

namespace coldload::findings {

std::vector<CacheWrites> cache_writes_of(const Comparison& comparison, const Arm& arm) {
  std::vector<CacheWrites> found;
  if (compile_cache_of(comparison.facts) == "fresh") return found;
  for (const Mode* mode : arm.modes()) {
    for (const records::Caches kind : {records::Caches::filled, records::Caches::mixed}) {
      CacheWrites writes{mode, kind, 0, 0, 0, 0};
      for (const records::Trial* trial : mode->trials) {
        // A node's first start is to fill them.
        if (!trial->caches || trial->layer == records::Layer::first) continue;
        ++writes.told;
        if (*trial->caches != kind) continue;
        ++writes.starts;
        writes.files += trial->caches_written_files.value_or(0);
        writes.bytes += trial->caches_written_bytes.value_or(0);
      }
      if (writes.starts > 0) found.push_back(writes);
    }
  }
  return found;
}

}  // namespace coldload::findings
