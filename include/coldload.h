/* coldload's loader as a C library: safetensors checkpoints into host or GPU memory.
 * docs/library.md shows it in use; the Python package is built on it.
 *
 *   coldload_checkpoint *checkpoint = NULL;
 *   coldload_load *load = NULL;
 *   coldload_options options = {.size = sizeof options, .gpu = -1};
 *   coldload_tensor_memory landed[64];
 *   size_t count;
 *   coldload_status status = coldload_open("/models/M", &checkpoint);
 *   if (status >= 0) status = coldload_start(checkpoint, &options, &load);
 *   while (status >= 0 && status != COLDLOAD_DONE) {
 *     status = coldload_next(load, 1000, landed, 64, &count);
 *     for (size_t i = 0; i < count; ++i) coldload_release(landed[i].memory);
 *   }
 *   if (status < 0) puts(coldload_error());
 *   coldload_end(load);
 *   coldload_close(checkpoint);
 *
 * Functions return a coldload_status; coldload_error() says what failed, on which object, why. Each
 * handle is for one thread at a time, different handles for different threads; memory may be
 * released in any thread. A handle made before a fork() is refused in the child, which has none of
 * its threads. End every load before the process exits.
 */
#ifndef COLDLOAD_H
#define COLDLOAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define COLDLOAD_API __attribute__((visibility("default")))
#else
#define COLDLOAD_API
#endif

/* Goes up when a program that was built against an older header would no longer work. Structures
 * that a caller fills begin with their size, and only grow at their end. */
#define COLDLOAD_ABI 1

typedef enum coldload_status {
  COLDLOAD_OK = 0,
  COLDLOAD_DONE = 1,    /* coldload_next: all tensors have been given */
  COLDLOAD_WAITING = 2, /* coldload_next: none has landed within the time given */
  COLDLOAD_FAILED = -1,
  COLDLOAD_INVALID = -2 /* what was asked for cannot be: nothing was begun */
} coldload_status;

/* Of a library as it was built: compare with COLDLOAD_ABI. */
COLDLOAD_API uint32_t coldload_abi(void);
/* "0.2.0". */
COLDLOAD_API const char* coldload_version(void);
/* Of the last call of this thread that failed; "" before. Valid until its next call. */
COLDLOAD_API const char* coldload_error(void);
/* The errno behind it; 0 where there is none. */
COLDLOAD_API int coldload_error_number(void);

/* A checkpoint's headers, read and validated. */
typedef struct coldload_checkpoint coldload_checkpoint;

/* `path`: a folder with safetensors and perhaps an index, or one file. */
COLDLOAD_API coldload_status coldload_open(const char* path, coldload_checkpoint** checkpoint);
/* These files and no others, in this order. */
COLDLOAD_API coldload_status coldload_open_files(const char* const* paths, size_t count,
                                                 coldload_checkpoint** checkpoint);
/* Loads that were started from it go on. NULL does nothing. */
COLDLOAD_API void coldload_close(coldload_checkpoint* checkpoint);

typedef struct coldload_tensor {
  const char* name; /* UTF-8, `name_bytes` long, and a zero after them */
  size_t name_bytes;
  const char* dtype; /* as safetensors spells it: "BF16", "F8_E4M3" */
  const uint64_t* shape;
  size_t rank;    /* 0: a scalar */
  uint64_t bytes; /* of its elements, without gaps */
  const char* path;
  uint64_t offset; /* in the file at `path` */
} coldload_tensor;

COLDLOAD_API size_t coldload_tensor_count(const coldload_checkpoint* checkpoint);
/* By number, from 0: file by file, each in the order of its data. NULL beyond the last. Lives as
 * long as the checkpoint. */
COLDLOAD_API const coldload_tensor* coldload_tensor_at(const coldload_checkpoint* checkpoint,
                                                       size_t number);

/* A tensor that is wanted, or `count` of it from `first` on, along its first dimension. */
typedef struct coldload_part {
  size_t tensor;
  uint64_t first;
  uint64_t count; /* COLDLOAD_TO_THE_END: all that follow; of a scalar the only possible one */
} coldload_part;
#define COLDLOAD_TO_THE_END UINT64_MAX

typedef struct coldload_options {
  size_t size;           /* sizeof(coldload_options) */
  int32_t gpu;           /* as CUDA_VISIBLE_DEVICES counts; -1: into host memory */
  uint32_t threads;      /* 0: as many as the machine and the path call for */
  uint64_t ring_bytes;   /* most memory that data passes through; pinned for a GPU; 0: 128 MiB */
  uint64_t window_bytes; /* 0: room for all is made at once. Else memory of at most so much is held,
                            and comes back as it is released; more only where one tensor needs it,
                            or the caller waits for more and releases none */
  uint32_t rank;  /* of `ranks` processes on this machine that load the same files at once:  */
  uint32_t ranks; /* each begins elsewhere and reads through the page cache. 0 or 1: alone */
  const coldload_part* parts; /* NULL: all tensors. No byte may be wanted twice */
  size_t part_count;
} coldload_options;

typedef struct coldload_load coldload_load;
/* Memory that holds a tensor; the room that it lies in lives until all in it are released. */
typedef struct coldload_memory coldload_memory;

typedef struct coldload_tensor_memory {
  size_t tensor;  /* its number */
  uint64_t first; /* of the part's, along the first dimension */
  uint64_t count; /* 1 for a scalar */
  uint64_t bytes;
  uint64_t address; /* a pointer's value, or a CUdeviceptr; aligned for its dtype; 0 if empty */
  coldload_memory* memory; /* the caller's, until coldload_release */
} coldload_tensor_memory;

/* Begins to load. Fails before anything is read where the destination has no room. */
COLDLOAD_API coldload_status coldload_start(const coldload_checkpoint* checkpoint,
                                            const coldload_options* options, coldload_load** load);
/* The next tensors that have landed, in that order: `count` of them, at most `capacity`. Waits up
 * to `timeout_ms` for the first. */
COLDLOAD_API coldload_status coldload_next(coldload_load* load, uint32_t timeout_ms,
                                           coldload_tensor_memory* tensors, size_t capacity,
                                           size_t* count);

typedef struct coldload_progress {
  size_t size; /* sizeof(coldload_progress) */
  uint64_t read_bytes;
  double read_s;             /* from the start to the last byte at its destination */
  uint64_t most_held_bytes;  /* of all rooms at once */
  uint64_t page_cache_bytes; /* of read_bytes, read through the page cache */
} coldload_progress;
/* What a load came to. COLDLOAD_WAITING, with nothing filled in, before it is done. */
COLDLOAD_API coldload_status coldload_progress_of(coldload_load* load, coldload_progress* progress);

/* Ends it, in the middle, too, and gives back its threads and its ring. Memory that the caller has
 * stays valid. NULL does nothing. */
COLDLOAD_API void coldload_end(coldload_load* load);
COLDLOAD_API void coldload_release(coldload_memory* memory);

/* The tensor as a DLManagedTensor, or a DLManagedTensorVersioned (DLPack 1.0) where `versioned` is
 * not 0: one more owner of the memory, until its deleter is called. COLDLOAD_INVALID where DLPack
 * has no such dtype. `as_bytes`: as one dimension of U8, whatever it is. */
COLDLOAD_API coldload_status coldload_dlpack(const coldload_memory* memory, int versioned,
                                             int as_bytes, void** managed);
/* A PyCapsule_Destructor for a Python capsule of such a tensor: calls its deleter, unless somebody
 * has taken the tensor and renamed the capsule. */
COLDLOAD_API void coldload_dlpack_drop_capsule(void* capsule);

#ifdef __cplusplus
}
#endif

#endif
