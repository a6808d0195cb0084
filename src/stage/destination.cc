#include "stage/destination.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "os/error.h"
#include "stage/bounded_threads.h"
#include "stage/manifest.h"
#include "stage/staged.h"
#include "stage/verify.h"

namespace coldload::stage {

namespace {

// What a copy holds may be more than is asked for now: that much of the source is looked at, too.
void add_what_is_staged(const Manifest& manifest, SourceTree* source) {
  for (const ManifestFile& file : manifest.files) {
    const auto at = std::lower_bound(
        source->left_out.begin(), source->left_out.end(), file.name,
        [](const SourceFile& left, const std::string& name) { return left.name < name; });
    if (at == source->left_out.end() || at->name != file.name) continue;
    source->files.push_back(*at);
    source->left_out.erase(at);
  }
  std::sort(source->files.begin(), source->files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.name < b.name; });
}

// What its hashes say against it; empty: nothing.
std::string disproof(const Manifest& manifest, std::shared_ptr<const os::Directory> directory,
                     const Proof& proof) {
  if (proof.step)
    proof.step("reading what is there, which others may write, to hold it against its hashes");
  const VerifyOutcome outcome =
      verify_copy(manifest, std::move(directory), proof.jobs, proof.read_so_far);
  if (outcome.interrupted) throw Interrupted();
  if (!outcome.problems.empty()) return outcome.problems.front();
  return outcome.unknown.empty() ? "" : outcome.unknown.front() + " is new";
}

}  // namespace

Destination look_at(const Place& place, const Proof& proof, SourceTree* source) {
  const auto there = place.parent->look(place.name);
  if (!there) return {};
  std::optional<Manifest> manifest;
  try {
    manifest = read_manifest(place);
  } catch (const os::Error& error) {
    return {Found::other, error.what(), ""};
  }
  if (!manifest) return {Found::other, "it was not staged by coldload (it has no manifest)", ""};
  if (!S_ISDIR(there->st_mode)) {
    return {Found::other, "it is not the directory that its manifest describes", ""};
  }
  const auto directory =
      std::make_shared<const os::Directory>(place.parent->subdirectory(place.name));
  const Likeness found = likeness(place, *manifest, *directory);
  if (!found.difference.empty()) return {Found::other, found.difference, ""};
  SourceTree staged = *source;
  add_what_is_staged(*manifest, &staged);
  const std::string outdated = difference(*manifest, staged, Side::source);
  if (!outdated.empty()) return {Found::other, "it is outdated: in the source, " + outdated, ""};
  std::string remark;
  if (!found.writable.empty()) {
    const std::string wrong = disproof(*manifest, directory, proof);
    if (!wrong.empty()) return {Found::other, "it was changed since it was staged: " + wrong, ""};
    remark = fmt::format(
        "others may write what is in {0} ({1}): all of it was read and has its hashes; chmod -R "
        "go-w {0} spares that",
        place.destination, found.writable);
  }
  *source = std::move(staged);
  return {Found::up_to_date, "", std::move(remark)};
}

}  // namespace coldload::stage
