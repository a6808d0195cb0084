// The rules of reading ahead: what of a checkpoint is read into memory beside a server, how much of
// it, when that is declined and why.
//
// Layer: run. In the reader process. Knows nothing of servers.
#pragma once

#include "run/reader.h"
#include "run/reader_news.h"
#include "run/start_set_reader.h"

namespace coldload::run {

// Reads the checkpoint, or the copy of it where one is there and up to date, and tells `listener`
// what comes of it. Ends early where nobody listens any more, or on os::interrupted(). The server's
// share of the GPU's memory stays free where that is this machine's. What of a start set is wanted
// before the weights goes first, and has its room; `start_set` is null where there is none.
void read_checkpoint(const ReaderJob& job, const StartSetReader* start_set,
                     const NewsPipe& listener);

}  // namespace coldload::run
