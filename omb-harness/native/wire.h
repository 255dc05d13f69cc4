// Kafka's wire format as the load worker needs it: big-endian fields, varints, flexible ("compact") strings and arrays.
// Any thread; hot. Nothing here allocates but a Writer that grows.

#ifndef RINGLOG_LOAD_WIRE_H
#define RINGLOG_LOAD_WIRE_H

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace load {

enum class ApiKey : int16_t {
  kProduce = 0,
  kFetch = 1,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kInitProducerId = 22
};

// The first flexible version of Produce and the last Fetch that names topics: every broker since 2.7 takes both.
constexpr int16_t kProduceVersion = 9;
constexpr int16_t kFetchVersion = 12;

// Where the fields of a version 2 batch lie.
constexpr size_t kBatchLengthAt = 8;
constexpr size_t kBatchMagicAt = 16;
constexpr size_t kBatchCrcAt = 17;
constexpr size_t kBatchCrcFrom = 21;
constexpr size_t kBatchAttributesAt = 21;
constexpr size_t kBatchLastDeltaAt = 23;
constexpr size_t kBatchBaseTimestampAt = 27;
constexpr size_t kBatchMaxTimestampAt = 35;
constexpr size_t kBatchProducerIdAt = 43;
constexpr size_t kBatchProducerEpochAt = 51;
constexpr size_t kBatchBaseSequenceAt = 53;
constexpr size_t kBatchCountAt = 57;
constexpr size_t kBatchHeaderBytes = 61;

inline uint16_t get16(const char* at) {
  uint16_t value;
  std::memcpy(&value, at, 2);
  return __builtin_bswap16(value);
}
inline uint32_t get32(const char* at) {
  uint32_t value;
  std::memcpy(&value, at, 4);
  return __builtin_bswap32(value);
}
inline uint64_t get64(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, 8);
  return __builtin_bswap64(value);
}
inline void put16(char* at, uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, 2);
}
inline void put32(char* at, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, 4);
}
inline void put64(char* at, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, 8);
}

inline uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
inline size_t uvarint_bytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) bytes++;
  return bytes;
}
inline size_t varint_bytes(int64_t value) { return uvarint_bytes(zigzag(value)); }
inline char* put_uvarint(char* at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
  *at++ = static_cast<char>(value);
  return at;
}
inline char* put_varint(char* at, int64_t value) { return put_uvarint(at, zigzag(value)); }

// Appends fields. "plain" is the encoding of the non-flexible versions.
struct Writer {
  std::string& to;
  explicit Writer(std::string& target) : to(target) {}
  void i8(int value) { to.push_back(static_cast<char>(value)); }
  void i16(int value) {
    char bytes[2];
    put16(bytes, static_cast<uint16_t>(value));
    to.append(bytes, 2);
  }
  void i32(int64_t value) {
    char bytes[4];
    put32(bytes, static_cast<uint32_t>(value));
    to.append(bytes, 4);
  }
  void i64(int64_t value) {
    char bytes[8];
    put64(bytes, static_cast<uint64_t>(value));
    to.append(bytes, 8);
  }
  void uvarint(uint64_t value) {
    char bytes[10];
    to.append(bytes, static_cast<size_t>(put_uvarint(bytes, value) - bytes));
  }
  void plain_string(std::string_view text) {
    i16(static_cast<int>(text.size()));
    to.append(text);
  }
  void plain_bytes(std::string_view bytes) {
    i32(static_cast<int64_t>(bytes.size()));
    to.append(bytes);
  }
  void compact_string(std::string_view text) {
    uvarint(text.size() + 1);
    to.append(text);
  }
  void no_tags() { to.push_back(0); }
};

// Reads fields with bounds checks. Once `bad` every answer is zero or empty, so that callers check once at the end.
struct Reader {
  const char* at;
  const char* end;
  bool bad = false;
  Reader(const char* from, size_t length) : at(from), end(from + length) {}
  bool has(size_t bytes) {
    if (bad || left() < bytes) bad = true;
    return !bad;
  }
  size_t left() const { return static_cast<size_t>(end - at); }
  int8_t i8() { return has(1) ? static_cast<int8_t>(*at++) : int8_t{0}; }
  int16_t i16() {
    if (!has(2)) return 0;
    at += 2;
    return static_cast<int16_t>(get16(at - 2));
  }
  int32_t i32() {
    if (!has(4)) return 0;
    at += 4;
    return static_cast<int32_t>(get32(at - 4));
  }
  int64_t i64() {
    if (!has(8)) return 0;
    at += 8;
    return static_cast<int64_t>(get64(at - 8));
  }
  uint64_t uvarint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (!has(1)) return 0;
      const auto byte = static_cast<uint8_t>(*at++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    bad = true;
    return 0;
  }
  int64_t varint() {
    const uint64_t value = uvarint();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  std::string_view bytes(size_t count) {
    if (!has(count)) return {};
    at += count;
    return {at - count, count};
  }
  // A length of -1 reads as empty.
  std::string_view var_bytes() {
    const int64_t length = varint();
    return length < 0 ? std::string_view{} : bytes(static_cast<size_t>(length));
  }
  std::string_view plain_string() {
    const int16_t length = i16();
    return length < 0 ? std::string_view{} : bytes(static_cast<size_t>(length));
  }
  std::string_view plain_bytes() {
    const int32_t length = i32();
    return length < 0 ? std::string_view{} : bytes(static_cast<size_t>(length));
  }
  std::string_view compact_bytes() {
    const uint64_t length = uvarint();
    return length == 0 ? std::string_view{} : bytes(length - 1);
  }
  // Elements of a compact array; null reads as none.
  uint64_t compact_count() {
    const uint64_t count = uvarint();
    return count == 0 ? 0 : count - 1;
  }
  void skip(size_t count) {
    if (has(count)) at += count;
  }
  void tags() {
    for (uint64_t count = uvarint(); count > 0 && !bad; count--) {
      uvarint();
      skip(uvarint());
    }
  }
};

}  // namespace load

#endif
