// The rules of reading ahead: what of a checkpoint is read into memory beside a server, how much of
// it, when that is declined and why.
//
// Layer: run. In the reader process. Knows nothing of servers.
#pragma once

#include <optional>
#include <string>

#include "run/reader_news.h"

namespace coldload::run {

// Reads the checkpoint at `path`, or the copy of it at `copy` where one is there and up to date
// (`copy` is empty where there is to be none), and tells `listener` what comes of it. Ends early
// where nobody listens any more, or on os::interrupted(). `memory_share`: how much of the GPU's
// memory the server is to have, which stays free where that is this machine's; nothing: not known.
void read_checkpoint(const std::string& path, const std::string& copy,
                     std::optional<double> memory_share, const NewsPipe& listener);

}  // namespace coldload::run
