/* Loads a checkpoint into host memory with libcoldload and prints each tensor as it lands:
 *
 *   cc load_tensors.c -lcoldload -o load_tensors
 *   ./load_tensors /models/M [WINDOW_MIB]
 *
 * With a window, no more memory than that is held, as each tensor is released at once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <coldload.h>

/* FNV-1a, to have something to do with the bytes. */
static uint64_t hash(const unsigned char *bytes, uint64_t count) {
  uint64_t sum = 14695981039346656037ULL;
  for (uint64_t i = 0; i < count; ++i) sum = (sum ^ bytes[i]) * 1099511628211ULL;
  return sum;
}

static int fail(const char *what, coldload_load *load, coldload_checkpoint *checkpoint) {
  fprintf(stderr, "load_tensors: %s: %s\n", what, coldload_error());
  coldload_end(load);
  coldload_close(checkpoint);
  return 1;
}

int main(int count, char **words) {
  if (count < 2) {
    fprintf(stderr, "usage: load_tensors CHECKPOINT [WINDOW_MIB]\n");
    return 2;
  }
  coldload_checkpoint *checkpoint = NULL;
  if (coldload_open(words[1], &checkpoint) != COLDLOAD_OK) return fail("open", NULL, NULL);

  coldload_options options = {.size = sizeof options, .gpu = -1};
  if (count > 2) options.window_bytes = strtoull(words[2], NULL, 10) << 20;
  coldload_load *load = NULL;
  if (coldload_start(checkpoint, &options, &load) != COLDLOAD_OK) return fail("start", NULL, checkpoint);

  coldload_tensor_memory landed[64];
  size_t some = 0;
  coldload_status status;
  while ((status = coldload_next(load, 1000, landed, 64, &some)) >= 0 && status != COLDLOAD_DONE) {
    for (size_t i = 0; i < some; ++i) {
      const coldload_tensor *tensor = coldload_tensor_at(checkpoint, landed[i].tensor);
      printf("%s %s %" PRIu64 " %016" PRIx64 "\n", tensor->name, tensor->dtype, landed[i].bytes,
             hash((const unsigned char *)(uintptr_t)landed[i].address, landed[i].bytes));
      coldload_release(landed[i].memory);
    }
  }
  if (status < 0) return fail("load", load, checkpoint);

  coldload_progress progress = {.size = sizeof progress};
  coldload_progress_of(load, &progress);
  fprintf(stderr, "%.3f GB in %.3f s, at most %.3f GB held\n", (double)progress.read_bytes / 1e9,
          progress.read_s, (double)progress.most_held_bytes / 1e9);
  coldload_end(load);
  coldload_close(checkpoint);
  return 0;
}
