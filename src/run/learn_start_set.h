// Watches a server's start, and writes what it read as the file of a start set.
//
// Layer: run. In a process of its own, a child of the server's starter.
#pragma once

#include "run/reader.h"
#include "run/reader_news.h"

namespace coldload::run {

// Watches what this process's parent starts from now on, and says so; os::interrupted() tells that
// the start is over. Then writes the file, if nothing is there by now. Writes none where nobody
// listens any more. To be called while there is one thread.
void learn_start_set(const ReaderJob& job, const NewsPipe& listener);

}  // namespace coldload::run
