// The encoding of version 2 batches. One owner; hot.

#include "record_batch.h"

#include <algorithm>

#include "record_stamp.h"
#include "sys/crc32c.h"
#include "wire.h"

namespace load {

namespace {

constexpr size_t kFirstBytes = 4096;
// length, name, length, stamp
constexpr size_t kStampHeaderBytes = 1 + kStampHeader.size() + 1 + kStampBytes;

size_t body_bytes(const NewRecord& record, int64_t timestamp_delta, int32_t offset_delta) {
  const bool keyed = record.key.data() != nullptr;
  const size_t key = keyed ? varint_bytes(static_cast<int64_t>(record.key.size())) + record.key.size() : 1;
  const size_t value = varint_bytes(static_cast<int64_t>(record.value.size())) + record.value.size();
  const size_t headers = record.stamp_in_value ? 1 : 1 + kStampHeaderBytes;
  return 1 + varint_bytes(timestamp_delta) + varint_bytes(offset_delta) + key + value + headers;
}

}  // namespace

void RecordBatch::begin(int64_t timestamp_ms, int64_t closes, int64_t created) {
  reserve(kBatchHeaderBytes);
  size_ = kBatchHeaderBytes;
  base_timestamp_ = max_timestamp_ = timestamp_ms;
  closed_.reset();
  records_.clear();
  closes_ns = closes;
  created_ns = created;
  base_sequence = -1;
  attempts = 0;
  error = 0;
  answered = false;
}

size_t RecordBatch::bytes_of(const NewRecord& record, int64_t timestamp_ms) const {
  const size_t body = body_bytes(record, timestamp_ms - base_timestamp_, count());
  return varint_bytes(static_cast<int64_t>(body)) + body;
}

char* RecordBatch::append(const NewRecord& record, int64_t timestamp_ms, const RecordTimes& times) {
  const int64_t timestamp_delta = timestamp_ms - base_timestamp_;
  const size_t body = body_bytes(record, timestamp_delta, count());
  reserve(size_ + body + 10);
  char* at = put_varint(&bytes_[size_], static_cast<int64_t>(body));
  char* const end = at + body;
  *at++ = 0;
  at = put_varint(at, timestamp_delta);
  at = put_varint(at, count());
  if (record.key.data() == nullptr) {
    at = put_varint(at, -1);
  } else {
    at = put_varint(at, static_cast<int64_t>(record.key.size()));
    at = std::copy(record.key.begin(), record.key.end(), at);
  }
  at = put_varint(at, static_cast<int64_t>(record.value.size()));
  char* stamp = at;
  std::memcpy(at, record.value.data(), record.value.size());
  at += record.value.size();
  if (record.stamp_in_value) {
    *at++ = 0;
  } else {
    at = put_varint(at, 1);
    at = put_varint(at, static_cast<int64_t>(kStampHeader.size()));
    at = std::copy(kStampHeader.begin(), kStampHeader.end(), at);
    at = put_varint(at, static_cast<int64_t>(kStampBytes));
    stamp = at;
  }
  size_ = static_cast<size_t>(end - bytes_.get());
  max_timestamp_ = std::max(max_timestamp_, timestamp_ms);
  records_.push_back(times);
  return stamp;
}

void RecordBatch::close(Compression& compression) {
  char* header = bytes_.get();
  if (compression.codec() != Codec::kNone) {
    closed_ = std::make_unique<std::string>(kBatchHeaderBytes, '\0');
    compression.compress({bytes_.get() + kBatchHeaderBytes, size_ - kBatchHeaderBytes}, *closed_);
    header = closed_->data();
  }
  put64(header, 0);
  put32(header + kBatchLengthAt, static_cast<uint32_t>(size() - 12));
  put32(header + 12, UINT32_MAX);
  header[kBatchMagicAt] = 2;
  put16(header + kBatchAttributesAt, static_cast<uint16_t>(compression.codec()));
  put32(header + kBatchLastDeltaAt, static_cast<uint32_t>(count() - 1));
  put64(header + kBatchBaseTimestampAt, static_cast<uint64_t>(base_timestamp_));
  put64(header + kBatchMaxTimestampAt, static_cast<uint64_t>(max_timestamp_));
  put32(header + kBatchCountAt, static_cast<uint32_t>(count()));
}

void RecordBatch::identify(int64_t producer_id, int producer_epoch, int32_t sequence) {
  base_sequence = sequence;
  char* header = const_cast<char*>(data());
  put64(header + kBatchProducerIdAt, static_cast<uint64_t>(producer_id));
  put16(header + kBatchProducerEpochAt, static_cast<uint16_t>(producer_epoch));
  put32(header + kBatchBaseSequenceAt, static_cast<uint32_t>(sequence));
  put32(header + kBatchCrcAt, ringlog::crc32c(header + kBatchCrcFrom, size() - kBatchCrcFrom));
}

void RecordBatch::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  const size_t capacity = std::max({bytes, 2 * capacity_, kFirstBytes});
  auto grown = std::make_unique_for_overwrite<char[]>(capacity);
  if (size_ > 0) std::memcpy(grown.get(), bytes_.get(), size_);
  bytes_ = std::move(grown);
  capacity_ = capacity;
}

}  // namespace load
