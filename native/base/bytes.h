// Big-endian integers in unaligned memory. Any thread; hot.

#ifndef RINGLOG_BASE_BYTES_H
#define RINGLOG_BASE_BYTES_H

#include <cstdint>
#include <cstring>

namespace ringlog {

inline uint16_t load_be16(const uint8_t* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap16(value);
}

inline uint32_t load_be32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}

inline void store_be32(uint8_t* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

inline void store_be64(uint8_t* at, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace ringlog

#endif
