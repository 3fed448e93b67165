#include "CChecksum.h"

#include <string.h>

#define POLYNOMIAL 0x82F63B78u

static uint32_t table[256];

__attribute__((constructor)) static void make_table(void) {
  for (uint32_t value = 0; value < 256; value++) {
    uint32_t crc = value;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
    table[value] = crc;
  }
}

static uint32_t by_table(uint32_t crc, const uint8_t *bytes, size_t length) {
  while (length--) crc = table[(crc ^ *bytes++) & 0xFF] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)

// The effect of 1,024 zero bytes on each byte of a checksum, so that three parts of a buffer can be
// summed at the same time and put together.
#define PART 1024
static uint32_t shift_part[4][256];

static uint32_t shifted(uint32_t crc) {
  return shift_part[0][crc & 0xFF] ^ shift_part[1][(crc >> 8) & 0xFF] ^
         shift_part[2][(crc >> 16) & 0xFF] ^ shift_part[3][crc >> 24];
}

__attribute__((constructor(201))) static void make_shifts(void) {
  uint8_t zeros[PART];
  uint32_t bits[32];
  memset(zeros, 0, PART);
  for (uint32_t value = 0; value < 256; value++) {
    uint32_t crc = value;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
    table[value] = crc;
  }
  for (int bit = 0; bit < 32; bit++) bits[bit] = by_table(1u << bit, zeros, PART);
  for (int byte = 0; byte < 4; byte++) {
    for (uint32_t value = 0; value < 256; value++) {
      uint32_t crc = 0;
      for (int bit = 0; bit < 8; bit++) {
        if (value & (1u << bit)) crc ^= bits[byte * 8 + bit];
      }
      shift_part[byte][value] = crc;
    }
  }
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(
    uint32_t start, const uint8_t *bytes, size_t length) {
  uint64_t crc = start, word;
  while (length >= 3 * PART) {
    uint64_t second = 0, third = 0, word2, word3;
    for (size_t at = 0; at < PART; at += 8) {
      memcpy(&word, bytes + at, 8);
      memcpy(&word2, bytes + PART + at, 8);
      memcpy(&word3, bytes + 2 * PART + at, 8);
      crc = __builtin_ia32_crc32di(crc, word);
      second = __builtin_ia32_crc32di(second, word2);
      third = __builtin_ia32_crc32di(third, word3);
    }
    crc = shifted(shifted((uint32_t)crc) ^ (uint32_t)second) ^ (uint32_t)third;
    bytes += 3 * PART;
    length -= 3 * PART;
  }
  for (; length >= 8; length -= 8, bytes += 8) {
    memcpy(&word, bytes, 8);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  for (; length; length--) crc = __builtin_ia32_crc32qi((uint32_t)crc, *bytes++);
  return (uint32_t)crc;
}

#endif

uint32_t hs_crc32c(uint32_t previous, const void *bytes, size_t length) {
  uint32_t crc = ~previous;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~by_instruction(crc, bytes, length);
#endif
  return ~by_table(crc, bytes, length);
}
