// CRC-32C (Castagnoli), with the processor's instruction where it has one.
#ifndef HYPRSTREAM_CCHECKSUM_H
#define HYPRSTREAM_CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// The checksum of `length` bytes that follow those whose checksum is `previous` (0 at the start).
uint32_t hs_crc32c(uint32_t previous, const void *bytes, size_t length);

#endif
