// A hub cache's folders: which snapshot a repository's folder stands for.
//
//   CACHE/models--ORG--NAME/refs/main            the revision that was downloaded last, as text
//                          /snapshots/REVISION/  links, one directory a revision
//                          /blobs/               what they lead to
//
// Source: huggingface_hub, "Understand caching".
//
// Layer: model. Looks at directories and one small file; opens no weights.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace coldload::model {

struct HubSnapshot {
  std::string path;  // REPOSITORY/snapshots/REVISION, the repository as it was given
  std::vector<std::string> remarks;
};

// The snapshot that the repository's folder at `path`, or its `snapshots`, stands for: what
// refs/main names, or without refs the only one. Nothing where `path` is no such folder. Throws
// os::Error that names what may be given instead: several snapshots and no refs/main, a ref whose
// snapshot is not there or holds no weights where another does, a cache with the folders of several
// models.
[[nodiscard]] std::optional<HubSnapshot> hub_snapshot(const std::string& path);

}  // namespace coldload::model
