#ifndef HYPRSTREAM_CZLIB_SHIM_H
#define HYPRSTREAM_CZLIB_SHIM_H

#include <zlib.h>

// The initialisers are macros in zlib.h, which Swift cannot call. 31 = 15 (window) + 16 (gzip wrapper).
static inline int hyprstream_gzip_start(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);
}

static inline int hyprstream_gunzip_start(z_stream *stream) {
  return inflateInit2(stream, 31);
}

#endif
