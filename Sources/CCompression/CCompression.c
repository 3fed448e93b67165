#include "CCompression.h"

#include <lz4frame.h>
#include <zstd.h>

int64_t hs_lz4_bound(int64_t length) {
  return (int64_t)LZ4F_compressFrameBound((size_t)length, NULL);
}

int64_t hs_zstd_bound(int64_t length) { return (int64_t)ZSTD_compressBound((size_t)length); }

int64_t hs_lz4_compress(const void *source, int64_t length, void *target, int64_t capacity) {
  size_t written =
      LZ4F_compressFrame(target, (size_t)capacity, source, (size_t)length, NULL);
  return LZ4F_isError(written) ? -1 : (int64_t)written;
}

int64_t hs_zstd_compress(const void *source, int64_t length, void *target, int64_t capacity) {
  size_t written = ZSTD_compress(target, (size_t)capacity, source, (size_t)length, 1);
  return ZSTD_isError(written) ? -1 : (int64_t)written;
}

int64_t hs_lz4_decompress(const void *source, int64_t length, void *target, int64_t capacity) {
  LZ4F_dctx *context = NULL;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) return -1;
  const char *input = source;
  char *output = target;
  size_t remaining = (size_t)length, room = (size_t)capacity, hint = 1;
  int failed = 0;
  while (remaining > 0) {
    size_t consumed = remaining, produced = room;
    hint = LZ4F_decompress(context, output, &produced, input, &consumed, NULL);
    if (LZ4F_isError(hint)) { failed = 1; break; }
    // No progress: the output is full, or the frame is cut off.
    if (consumed == 0 && produced == 0) { failed = 1; break; }
    input += consumed;
    remaining -= consumed;
    output += produced;
    room -= produced;
  }
  LZ4F_freeDecompressionContext(context);
  return failed || hint != 0 ? -1 : capacity - (int64_t)room;
}

int64_t hs_zstd_decompress(const void *source, int64_t length, void *target, int64_t capacity) {
  size_t written = ZSTD_decompress(target, (size_t)capacity, source, (size_t)length);
  return ZSTD_isError(written) ? -1 : (int64_t)written;
}
