// CRC-32C (Castagnoli), the checksum of Kafka's record batches. Any thread; hot.
//
// The fastest form the processor has is chosen at the first call: SSE4.2 + PCLMULQDQ, ARMv8 CRC (+ PMULL), or tables.

#ifndef RINGLOG_SYS_CRC32C_H
#define RINGLOG_SYS_CRC32C_H

#include <cstddef>
#include <cstdint>

namespace ringlog {

// Checksum of a + b, given `crc` = the checksum of a and the bytes of b. The checksum of nothing is 0.
uint32_t crc32c_extend(uint32_t crc, const void* data, size_t length);

inline uint32_t crc32c(const void* data, size_t length) { return crc32c_extend(0, data, length); }

// Which form this processor uses, for the banner and `ringlog doctor`.
const char* crc32c_engine();

// The table form, whatever the processor has: tests compare the others with it.
uint32_t crc32c_extend_portable(uint32_t crc, const void* data, size_t length);

}  // namespace ringlog

#endif
