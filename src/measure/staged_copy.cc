#include "measure/staged_copy.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "os/error.h"
#include "stage/part.h"
#include "stage/stager.h"
#include "storage/page_cache.h"

namespace coldload::measure {

StagedCopy::StagedCopy(Request request) : request_(std::move(request)) {
  if (::access(request_.destination.c_str(), F_OK) != 0) return;
  throw os::Error(fmt::format(
      "--stage: {} is there already, and would be removed: name a directory that is not there",
      request_.destination));
}

StagedCopy::~StagedCopy() {
  if (request_.keep) return;
  try {
    remove();
  } catch (const std::exception& error) {
    fmt::print(stderr, "coldload: {} was left behind: {}\n", request_.destination, error.what());
  }
}

void StagedCopy::remove() const {
  const stage::Place place = stage::place_of(request_.destination);
  stage::remove_tree(place.destination);
  stage::remove_tree(place.manifest);
  stage::remove_tree(place.part);
}

std::optional<double> StagedCopy::renew(
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  remove();
  constexpr std::chrono::seconds k_patience{5};
  storage::PageCacheView(request_.source_files).evict(k_patience);
  stage::StageRequest stage;
  stage.source = request_.source;
  stage.destination = request_.destination;
  stage.limit_bytes_per_s = request_.limit_bytes_per_s;
  const stage::StageResult result = stage::stage(
      stage, {[](const std::string&) {},
              [&](const stage::CopyProgress& now) { progress(now.bytes, now.total_bytes); }});
  if (result.interrupted) return std::nullopt;
  return result.copy_s;
}

}  // namespace coldload::measure
