// Whole-buffer compression in the two formats that Arrow IPC bodies use.
//
// Every function returns the number of bytes written, or -1 if the input is damaged, does not fit
// `capacity`, or memory ran out. None of them keeps state between calls; all are thread safe.
#ifndef HYPRSTREAM_CCOMPRESSION_H
#define HYPRSTREAM_CCOMPRESSION_H

#include <stdint.h>

// The most bytes that compressing `length` bytes may write.
int64_t hs_lz4_bound(int64_t length);
int64_t hs_zstd_bound(int64_t length);

int64_t hs_lz4_compress(const void *source, int64_t length, void *target, int64_t capacity);
int64_t hs_zstd_compress(const void *source, int64_t length, void *target, int64_t capacity);

// Decompresses every frame in `source`. Fails unless all of it is read.
int64_t hs_lz4_decompress(const void *source, int64_t length, void *target, int64_t capacity);
int64_t hs_zstd_decompress(const void *source, int64_t length, void *target, int64_t capacity);

#endif
