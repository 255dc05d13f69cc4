// The twin of src/engine/record/produced-batch.ts: both write the same numbers, and a differential test holds them to it.

#include "reactor/batch_walker.h"

#include <cstring>

#include "base/bytes.h"
#include "sys/crc32c.h"
#include "reactor/tick_layout.h"

namespace ringlog {
namespace {

// Record batch v2: where its fields are.
constexpr size_t kBatchLengthAt = 8;
constexpr size_t kMagicAt = 16;
constexpr size_t kCrcAt = 17;
constexpr size_t kAttributesAt = 21;
constexpr size_t kLastOffsetDeltaAt = 23;
constexpr size_t kBaseTimestampAt = 27;
constexpr size_t kMaxTimestampAt = 35;
constexpr size_t kProducerIdAt = 43;
constexpr size_t kProducerEpochAt = 51;
constexpr size_t kBaseSequenceAt = 53;
constexpr size_t kRecordCountAt = 57;
constexpr size_t kHeaderBytes = 61;
// The batch length counts what follows its own field.
constexpr size_t kLengthOverhead = 12;

constexpr int32_t kCodecMask = 0x07;
constexpr int32_t kCodecMax = 4;
constexpr int32_t kReservedMask = 0xff80;

double load_be64_as_double(const uint8_t* at) {
  const uint64_t bits = (static_cast<uint64_t>(load_be32(at)) << 32) | load_be32(at + 4);
  return static_cast<double>(static_cast<int64_t>(bits));
}

// Plain stores would alias doubles with ints.
void store_f64(int32_t* descriptor, int32_t cell, double value) { std::memcpy(descriptor + 2 * cell, &value, sizeof value); }

// Zigzag, at most 5 bytes. False when it runs out of bytes or of bits.
inline bool read_varint(const uint8_t*& at, const uint8_t* end, int32_t& value) {
  uint32_t bits = 0;
  for (unsigned shift = 0; shift <= 28; shift += 7) {
    if (at == end) return false;
    const uint8_t byte = *at++;
    if (shift == 28 && byte > 0x0f) return false;
    bits |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = static_cast<int32_t>((bits >> 1) ^ (0 - (bits & 1)));
      return true;
    }
  }
  return false;
}

inline bool skip_varlong(const uint8_t*& at, const uint8_t* end) {
  for (int bytes = 0; bytes < 10; ++bytes) {
    if (at == end) return false;
    if (*at++ < 0x80) return true;
  }
  return false;
}

// Exactly `count` records fill [at, end), with offset deltas 0, 1, 2 … `keyless` becomes 1 when one has no key.
bool holds_records(const uint8_t* at, const uint8_t* end, int32_t count, int32_t& keyless) {
  for (int32_t index = 0; index < count; ++index) {
    int32_t length;
    if (!read_varint(at, end, length) || length < 1 || end - at < length) return false;
    const uint8_t* const record_end = at + length;
    int32_t offset_delta;
    int32_t key_length;
    ++at;  // attributes, unused
    if (!skip_varlong(at, record_end) || !read_varint(at, record_end, offset_delta) || offset_delta != index) return false;
    if (!read_varint(at, record_end, key_length)) return false;
    if (key_length < 0) keyless = 1;
    at = record_end;
  }
  return at == end;
}

// The bytes after the first batch: a further whole batch, or only rubbish?
bool starts_batch(const uint8_t* at, size_t length) {
  if (length < kHeaderBytes) return false;
  const size_t batch_bytes = kLengthOverhead + static_cast<size_t>(load_be32(at + kBatchLengthAt));
  return batch_bytes >= kHeaderBytes && batch_bytes <= length;
}

void describe_nothing(int32_t* descriptor) {
  descriptor[Desc::ATTRIBUTES] = 0;
  descriptor[Desc::LAST_OFFSET_DELTA] = 0;
  descriptor[Desc::RECORD_COUNT] = 0;
  descriptor[Desc::PRODUCER_EPOCH] = -1;
  descriptor[Desc::BASE_SEQUENCE] = -1;
  descriptor[Desc::MAGIC] = -1;
  descriptor[Desc::KEYLESS] = 0;
  store_f64(descriptor, Desc::BASE_TIMESTAMP_F64, -1);
  store_f64(descriptor, Desc::MAX_TIMESTAMP_F64, -1);
  store_f64(descriptor, Desc::PRODUCER_ID_F64, -1);
  store_f64(descriptor, Desc::BASE_OFFSET_F64, 0);
}

void describe_header(const uint8_t* batch, int32_t* descriptor) {
  descriptor[Desc::ATTRIBUTES] = static_cast<int16_t>(load_be16(batch + kAttributesAt));
  descriptor[Desc::LAST_OFFSET_DELTA] = static_cast<int32_t>(load_be32(batch + kLastOffsetDeltaAt));
  descriptor[Desc::RECORD_COUNT] = static_cast<int32_t>(load_be32(batch + kRecordCountAt));
  descriptor[Desc::PRODUCER_EPOCH] = static_cast<int16_t>(load_be16(batch + kProducerEpochAt));
  descriptor[Desc::BASE_SEQUENCE] = static_cast<int32_t>(load_be32(batch + kBaseSequenceAt));
  descriptor[Desc::MAGIC] = static_cast<int8_t>(batch[kMagicAt]);
  store_f64(descriptor, Desc::BASE_TIMESTAMP_F64, load_be64_as_double(batch + kBaseTimestampAt));
  store_f64(descriptor, Desc::MAX_TIMESTAMP_F64, load_be64_as_double(batch + kMaxTimestampAt));
  store_f64(descriptor, Desc::PRODUCER_ID_F64, load_be64_as_double(batch + kProducerIdAt));
  store_f64(descriptor, Desc::BASE_OFFSET_F64, load_be64_as_double(batch));
}

// The order of the checks is the order of BatchStatus. `descriptor` holds the header's fields already.
int32_t check_batch(const uint8_t* batch, size_t length, int32_t* descriptor) {
  const size_t batch_bytes = kLengthOverhead + static_cast<size_t>(load_be32(batch + kBatchLengthAt));
  if (batch_bytes < kHeaderBytes || batch_bytes > length) return BatchStatus::BAD_LENGTH;
  const bool more = batch_bytes < length;
  if (more && !starts_batch(batch + batch_bytes, length - batch_bytes)) return BatchStatus::BAD_LENGTH;
  if (descriptor[Desc::MAGIC] != 2) return BatchStatus::BAD_MAGIC;
  if (crc32c(batch + kAttributesAt, batch_bytes - kAttributesAt) != load_be32(batch + kCrcAt)) return BatchStatus::BAD_CRC;
  if (more) return BatchStatus::SEVERAL_BATCHES;
  const int32_t count = descriptor[Desc::RECORD_COUNT];
  if (count < 1 || count - 1 != descriptor[Desc::LAST_OFFSET_DELTA]) return BatchStatus::BAD_COUNT;
  const int32_t attributes = descriptor[Desc::ATTRIBUTES];
  const int32_t codec = attributes & kCodecMask;
  if (codec == 0 && !holds_records(batch + kHeaderBytes, batch + batch_bytes, count, descriptor[Desc::KEYLESS])) return BatchStatus::BAD_COUNT;
  if (codec > kCodecMax || (attributes & kReservedMask) != 0) return BatchStatus::BAD_ATTRIBUTES;
  return BatchStatus::OK;
}

}  // namespace

void walk_batch(const uint8_t* records, size_t length, int32_t* descriptor) {
  if (length < kHeaderBytes) {
    describe_nothing(descriptor);
    if (length > kMagicAt) descriptor[Desc::MAGIC] = static_cast<int8_t>(records[kMagicAt]);
    descriptor[Desc::STATUS] = length == 0 ? BatchStatus::EMPTY : BatchStatus::BAD_LENGTH;
    return;
  }
  describe_header(records, descriptor);
  descriptor[Desc::KEYLESS] = 0;
  descriptor[Desc::STATUS] = check_batch(records, length, descriptor);
}

}  // namespace ringlog
