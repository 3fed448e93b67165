// The structs of the Arrow C data interface and of the Arrow C stream interface.
//
// Their layout is fixed by the Arrow specification and is the same in every library of a process,
// which is what lets two libraries hand columns to each other without copying. The guards are those
// that the specification names, so that other headers may declare the same structs.
#ifndef HYPRSTREAM_CARROW_H
#define HYPRSTREAM_CARROW_H

#include <stdint.h>

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  // All three return 0 or an errno value; after an error `get_last_error` may say more.
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  // A released array (release == NULL) marks the end of the stream.
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};

#endif
#endif
