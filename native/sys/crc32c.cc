// Three forms of CRC-32C behind one function pointer. Any thread; hot.
//
// The CRC instruction takes 3 cycles but one can start every cycle, so one stream of dependent instructions uses a third
// of the unit. The hardware forms run three streams over neighbouring blocks and join them: a register is carried over n
// bytes by multiplying it with x^(8n) modulo the polynomial.

#include "sys/crc32c.h"

#include <array>
#include <atomic>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#define RINGLOG_CRC_X86 1
#define RINGLOG_CRC_TARGET __attribute__((target("sse4.2,pclmul")))
#elif defined(__aarch64__) && defined(__linux__)
#if defined(__clang__)
#define RINGLOG_CRC_TARGET __attribute__((target("crc,aes")))
#define RINGLOG_CRC_SERIAL_TARGET __attribute__((target("crc")))
#else
#define RINGLOG_CRC_TARGET __attribute__((target("+crc+crypto")))
#define RINGLOG_CRC_SERIAL_TARGET __attribute__((target("+crc")))
#endif
#include <arm_acle.h>
#include <arm_neon.h>
#include <sys/auxv.h>
#define RINGLOG_CRC_ARM 1
#endif

namespace ringlog {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41 with its bits reversed

using ExtendFunction = uint32_t (*)(uint32_t, const uint8_t*, size_t);
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < 8; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

uint64_t load_le64(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

// These work on the bare register: the inversion before and after is the caller's.
uint32_t extend_tables(uint32_t crc, const uint8_t* bytes, size_t length) {
  for (; length >= 8; length -= 8, bytes += 8) {
    const uint64_t word = load_le64(bytes) ^ crc;
    crc = kTables[7][word & 0xff] ^ kTables[6][(word >> 8) & 0xff] ^ kTables[5][(word >> 16) & 0xff] ^
          kTables[4][(word >> 24) & 0xff] ^ kTables[3][(word >> 32) & 0xff] ^ kTables[2][(word >> 40) & 0xff] ^
          kTables[1][(word >> 48) & 0xff] ^ kTables[0][word >> 56];
  }
  for (; length > 0; --length, ++bytes) crc = (crc >> 8) ^ kTables[0][(crc ^ *bytes) & 0xff];
  return crc;
}

#if defined(RINGLOG_CRC_X86) || defined(RINGLOG_CRC_ARM)

// x^bits modulo the polynomial, bits reversed (bit 31 is x^0).
constexpr uint32_t power_of_x(size_t bits) {
  uint32_t power = 0x80000000;
  for (size_t i = 0; i < bits; ++i) power = (power >> 1) ^ ((power & 1) != 0 ? kPolynomial : 0);
  return power;
}

// The carry-less product of two reversed 32-bit polynomials is their product times x, and the CRC instruction over that
// 64-bit word multiplies by x^32 more: so the factor that carries a register over n bytes is x^(8n - 33).
template <size_t Bytes>
constexpr uint32_t kCarry = power_of_x(Bytes * 8 - 33);

#if defined(RINGLOG_CRC_X86)

RINGLOG_CRC_TARGET inline uint64_t step8(uint64_t crc, uint64_t word) { return _mm_crc32_u64(crc, word); }
RINGLOG_CRC_TARGET inline uint32_t step1(uint32_t crc, uint8_t byte) { return _mm_crc32_u8(crc, byte); }
RINGLOG_CRC_TARGET inline uint64_t multiply(uint32_t a, uint32_t b) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(a)), _mm_cvtsi32_si128(static_cast<int>(b)), 0);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
}

#else

RINGLOG_CRC_TARGET inline uint64_t step8(uint64_t crc, uint64_t word) { return __crc32cd(static_cast<uint32_t>(crc), word); }
RINGLOG_CRC_TARGET inline uint32_t step1(uint32_t crc, uint8_t byte) { return __crc32cb(crc, byte); }
RINGLOG_CRC_TARGET inline uint64_t multiply(uint32_t a, uint32_t b) {
  return vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64(a, b)), 0);
}

// Some cores (Cortex-A72 without the crypto extension) have the CRC instruction and no carry-less product.
RINGLOG_CRC_SERIAL_TARGET uint32_t extend_serial(uint32_t crc, const uint8_t* bytes, size_t length) {
  for (; length >= 8; length -= 8, bytes += 8) crc = __crc32cd(crc, load_le64(bytes));
  for (; length > 0; --length, ++bytes) crc = __crc32cb(crc, *bytes);
  return crc;
}

#endif

template <size_t Block>
RINGLOG_CRC_TARGET inline uint32_t extend_blocks(uint32_t crc, const uint8_t*& bytes, size_t& length) {
  static_assert(Block % 8 == 0 && Block >= 16);
  while (length >= 3 * Block) {
    uint64_t first = crc;
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < Block - 8; i += 8) {
      first = step8(first, load_le64(bytes + i));
      second = step8(second, load_le64(bytes + Block + i));
      third = step8(third, load_le64(bytes + 2 * Block + i));
    }
    first = step8(first, load_le64(bytes + Block - 8));
    second = step8(second, load_le64(bytes + 2 * Block - 8));
    // The third stream's last word takes the other two registers with it: one instruction joins all three.
    const uint64_t carried = multiply(static_cast<uint32_t>(first), kCarry<2 * Block>) ^
                             multiply(static_cast<uint32_t>(second), kCarry<Block>);
    crc = static_cast<uint32_t>(step8(third, load_le64(bytes + 3 * Block - 8) ^ carried));
    bytes += 3 * Block;
    length -= 3 * Block;
  }
  return crc;
}

RINGLOG_CRC_TARGET uint32_t extend_interleaved(uint32_t crc, const uint8_t* bytes, size_t length) {
  crc = extend_blocks<4096>(crc, bytes, length);
  crc = extend_blocks<512>(crc, bytes, length);
  crc = extend_blocks<64>(crc, bytes, length);
  for (; length >= 8; length -= 8, bytes += 8) crc = static_cast<uint32_t>(step8(crc, load_le64(bytes)));
  for (; length > 0; --length, ++bytes) crc = step1(crc, *bytes);
  return crc;
}

#endif

struct Engine {
  ExtendFunction extend;
  const char* name;
};

Engine choose() {
#if defined(RINGLOG_CRC_X86)
  if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) return {extend_interleaved, "sse4.2+pclmul"};
#elif defined(RINGLOG_CRC_ARM)
  constexpr unsigned long kHwcapPmull = 1UL << 4;
  constexpr unsigned long kHwcapCrc32 = 1UL << 7;
  const unsigned long capabilities = getauxval(AT_HWCAP);
  if ((capabilities & kHwcapCrc32) != 0) {
    if ((capabilities & kHwcapPmull) != 0) return {extend_interleaved, "armv8 crc+pmull"};
    return {extend_serial, "armv8 crc"};
  }
#endif
  return {extend_tables, "tables"};
}

uint32_t extend_first_call(uint32_t crc, const uint8_t* bytes, size_t length);

// Constant-initialised, so a checksum taken by another file's static initialiser works too. Threads that race through
// the first call store the same value.
std::atomic<ExtendFunction> extend_chosen{extend_first_call};

uint32_t extend_first_call(uint32_t crc, const uint8_t* bytes, size_t length) {
  const ExtendFunction extend = choose().extend;
  extend_chosen.store(extend, std::memory_order_relaxed);
  return extend(crc, bytes, length);
}

}  // namespace

uint32_t crc32c_extend(uint32_t crc, const void* data, size_t length) {
  return ~extend_chosen.load(std::memory_order_relaxed)(~crc, static_cast<const uint8_t*>(data), length);
}

uint32_t crc32c_extend_portable(uint32_t crc, const void* data, size_t length) {
  return ~extend_tables(~crc, static_cast<const uint8_t*>(data), length);
}

const char* crc32c_engine() { return choose().name; }

}  // namespace ringlog
