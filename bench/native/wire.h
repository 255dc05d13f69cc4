// The few pieces of the Kafka wire format that the load generator and the ceiling share: big-endian reader and writer,
// CRC-32C, and the offsets inside a version 2 record batch. Hot: everything is inline and nothing here allocates, except
// a Writer that grows.
#pragma once
#include <nmmintrin.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

enum ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteTopics = 20
};

// Versions used by both programs. Control requests use the oldest layouts that Kafka 4.x still takes, because they are
// the simplest; Produce and Fetch use flexible layouts, as every current client does, but the last ones that name a
// topic by its name.
constexpr int16_t kProduceVersion = 9, kFetchVersion = 12, kListOffsetsVersion = 1, kMetadataVersion = 4,
                  kApiVersionsVersion = 0, kCreateTopicsVersion = 2, kDeleteTopicsVersion = 1;

// Record batch v2: where the fields that are read or patched lie.
constexpr size_t kBatchLengthAt = 8, kBatchEpochAt = 12, kBatchMagicAt = 16, kBatchCrcAt = 17, kBatchCrcFrom = 21,
                 kBatchLastDeltaAt = 23, kBatchCountAt = 57, kBatchHeader = 61;

inline uint16_t get16(const char *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}
inline uint32_t get32(const char *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline uint64_t get64(const char *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}
inline void put16(char *p, uint16_t v) {
  v = __builtin_bswap16(v);
  memcpy(p, &v, 2);
}
inline void put32(char *p, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(p, &v, 4);
}
inline void put64(char *p, uint64_t v) {
  v = __builtin_bswap64(v);
  memcpy(p, &v, 8);
}

/** What a CRC-32C register becomes after `kBytes` zero bytes. The register is linear in its bits, so four table look-ups do it. */
template <size_t kBytes>
class CrcShift {
  uint32_t table_[4][256];

 public:
  CrcShift() {
    uint32_t ofBit[32];
    for (int bit = 0; bit < 32; bit++) {
      uint64_t c = uint64_t{1} << bit;
      for (size_t i = 0; i < kBytes; i += 8) c = _mm_crc32_u64(c, 0);
      ofBit[bit] = static_cast<uint32_t>(c);
    }
    for (int byte = 0; byte < 4; byte++)
      for (int v = 0; v < 256; v++) {
        uint32_t sum = 0;
        for (int bit = 0; bit < 8; bit++)
          if (v >> bit & 1) sum ^= ofBit[byte * 8 + bit];
        table_[byte][v] = sum;
      }
  }
  uint64_t operator()(uint64_t c) const {
    return table_[0][c & 255] ^ table_[1][c >> 8 & 255] ^ table_[2][c >> 16 & 255] ^ table_[3][c >> 24 & 255];
  }
};

/** Three streams at once over as many triples of `kBytes` as there are. The crc32 instruction takes three cycles but one can
 *  start each cycle, so a single chain would use a third of it, and at 1 MiB a batch that is a fifth of the ceiling's time. */
template <size_t kBytes>
inline void crcTriples(uint64_t &c, const char *&p, size_t &n) {
  static const CrcShift<kBytes> shift;
  for (; n >= 3 * kBytes; p += 3 * kBytes, n -= 3 * kBytes) {
    uint64_t b = 0, d = 0;
    for (size_t i = 0; i < kBytes; i += 8) {
      uint64_t v[3];
      memcpy(&v[0], p + i, 8);
      memcpy(&v[1], p + kBytes + i, 8);
      memcpy(&v[2], p + 2 * kBytes + i, 8);
      c = _mm_crc32_u64(c, v[0]);
      b = _mm_crc32_u64(b, v[1]);
      d = _mm_crc32_u64(d, v[2]);
    }
    c = shift(shift(c) ^ b) ^ d;
  }
}

inline uint32_t crc32c(const char *p, size_t n) {
  uint64_t c = 0xffffffff;
  crcTriples<4096>(c, p, n);
  crcTriples<256>(c, p, n);
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t v;
    memcpy(&v, p, 8);
    c = _mm_crc32_u64(c, v);
  }
  auto c32 = static_cast<uint32_t>(c);
  for (; n; p++, n--) c32 = _mm_crc32_u8(c32, static_cast<uint8_t>(*p));
  return ~c32;
}

/** Appends big-endian fields. "plain" is the non-flexible encoding, "compact" the flexible one. */
struct Writer {
  std::string &to;
  explicit Writer(std::string &target) : to(target) {}
  void i8(int v) { to.push_back(static_cast<char>(v)); }
  void i16(int v) {
    char b[2];
    put16(b, static_cast<uint16_t>(v));
    to.append(b, 2);
  }
  void i32(int64_t v) {
    char b[4];
    put32(b, static_cast<uint32_t>(v));
    to.append(b, 4);
  }
  void i64(int64_t v) {
    char b[8];
    put64(b, static_cast<uint64_t>(v));
    to.append(b, 8);
  }
  void uvarint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) to.push_back(static_cast<char>(v | 0x80));
    to.push_back(static_cast<char>(v));
  }
  void varint(int64_t v) { uvarint((static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63)); }
  void plainString(std::string_view s) {
    i16(static_cast<int>(s.size()));
    to.append(s);
  }
  void compactString(std::string_view s) {
    uvarint(s.size() + 1);
    to.append(s);
  }
  void noTags() { to.push_back(0); }
};

/** Reads fields with bounds checks; once `bad`, every answer is zero or empty, so callers check once at the end. */
struct Reader {
  const char *p, *end;
  bool bad = false;
  Reader(const char *from, size_t n) : p(from), end(from + n) {}
  bool has(size_t n) {
    if (bad || static_cast<size_t>(end - p) < n) {
      bad = true;
      return false;
    }
    return true;
  }
  int8_t i8() { return has(1) ? static_cast<int8_t>(*p++) : 0; }
  int16_t i16() {
    if (!has(2)) return 0;
    p += 2;
    return static_cast<int16_t>(get16(p - 2));
  }
  int32_t i32() {
    if (!has(4)) return 0;
    p += 4;
    return static_cast<int32_t>(get32(p - 4));
  }
  int64_t i64() {
    if (!has(8)) return 0;
    p += 8;
    return static_cast<int64_t>(get64(p - 8));
  }
  uint64_t uvarint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (!has(1)) return 0;
      auto b = static_cast<uint8_t>(*p++);
      v |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (!(b & 0x80)) return v;
    }
    bad = true;
    return 0;
  }
  int64_t varint() {
    uint64_t v = uvarint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }
  std::string_view bytes(size_t n) {
    if (!has(n)) return {};
    p += n;
    return {p - n, n};
  }
  std::string_view plainString() {
    int16_t n = i16();
    return n < 0 ? std::string_view{} : bytes(static_cast<size_t>(n));
  }
  std::string_view compactString() {
    uint64_t n = uvarint();
    return n == 0 ? std::string_view{} : bytes(n - 1);
  }
  /** Element count of a compact array; null reads as empty. */
  uint64_t compactCount() {
    uint64_t n = uvarint();
    return n == 0 ? 0 : n - 1;
  }
  void skip(size_t n) {
    if (has(n)) p += n;
  }
  void tags() {
    for (uint64_t n = uvarint(); n > 0 && !bad; n--) {
      uvarint();
      skip(uvarint());
    }
  }
};

/** One uncompressed batch of equal records without keys; every value is `valueBytes` of printable filler. */
inline std::string buildBatch(int records, int valueBytes, int64_t timestampMs) {
  std::string body;
  Writer w(body);
  w.i64(0);  // base offset: the broker's to set
  w.i32(0);  // length, below
  w.i32(-1);
  w.i8(2);
  w.i32(0);  // CRC, below
  w.i16(0);
  w.i32(records - 1);
  w.i64(timestampMs);
  w.i64(timestampMs);
  w.i64(-1);
  w.i16(-1);
  w.i32(-1);
  w.i32(records);
  for (int i = 0; i < records; i++) {
    std::string record;
    Writer r(record);
    r.i8(0);
    r.varint(0);
    r.varint(i);
    r.varint(-1);
    r.varint(valueBytes);
    for (int k = 0; k < valueBytes; k++) record.push_back(static_cast<char>('a' + (k * 7 + i) % 26));
    r.varint(0);
    w.varint(static_cast<int64_t>(record.size()));
    body += record;
  }
  put32(&body[kBatchLengthAt], static_cast<uint32_t>(body.size() - 12));
  put32(&body[kBatchCrcAt], crc32c(&body[kBatchCrcFrom], body.size() - kBatchCrcFrom));
  return body;
}
