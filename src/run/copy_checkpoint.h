// The copy of a checkpoint that `coldload run --stage` makes beside the server: as `coldload stage`
// makes it, but out of the server's way and told as news.
//
// Layer: run. In the reader process. Knows nothing of servers.
#pragma once

#include <string>

#include "run/reader_news.h"

namespace coldload::run {

// Copies the checkpoint at `path` to `copy`, or waits for who does so now. Ends the process where
// nobody listens any more: the next start goes on with what is there.
void copy_checkpoint(const std::string& path, const std::string& copy, const NewsPipe& listener);

}  // namespace coldload::run
