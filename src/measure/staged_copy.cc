#include "measure/staged_copy.h"

#include <chrono>

#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
#include "os/interrupt.h"
#include "stage/part.h"
#include "storage/page_cache.h"
#include "text/units.h"

namespace coldload::measure {

void StagedCopy::check(const std::string& destination) {
  const stage::Place place = stage::place_of(destination);
  for (const std::string& path : {place.destination, place.manifest, place.part}) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) continue;
    throw os::Error(fmt::format(
        "--stage: {} is there already, and would be removed: name a directory that is not there",
        path));
  }
}

StagedCopy::~StagedCopy() {
  if (request_.keep) return;
  try {
    remove();
  } catch (const std::exception& error) {
    watcher_.warning(
        fmt::format("{} was left behind: {}", request_.stage.destination, error.what()));
  }
}

void StagedCopy::remove() const {
  const stage::Place place = stage::place_of(request_.stage.destination);
  auto lock = stage::PlaceLock::try_take(place);
  if (!lock) {
    throw os::Error(fmt::format("another coldload is staging to {} just now", place.destination));
  }
  stage::withdraw_manifest(place);
  stage::remove_tree(place.destination);
  lock->remove_part();
}

bool StagedCopy::renew() {
  remove();
  made_ = {};
  if (!request_.backing_files.empty()) {
    const storage::PageCacheView view(request_.backing_files);
    view.warm(view.all(), {});
  }
  constexpr std::chrono::seconds k_patience{5};
  const storage::PageCacheView source(request_.source_files);
  source.evict(k_patience);
  const auto left = source.resident_bytes();
  if (left.value_or(1) > 0) {
    made_.remark = left ? fmt::format("{} of the source were in memory before the copy",
                                      text::format_bytes(*left))
                        : "whether the source was in memory before the copy cannot be seen";
  }
  const stage::StageResult result =
      stage::stage(request_.stage, {[](const std::string&) {},
                                    [&](const stage::CopyProgress& now) {
                                      watcher_.step("stage", now.bytes, now.total_bytes);
                                    }});
  if (result.interrupted) return false;
  made_.seconds = result.copy_s;
  return true;
}

}  // namespace coldload::measure
