// Builds Produce requests of every version, good ones and wrong ones, for the walkers' tests.

#ifndef RINGLOG_TEST_PRODUCE_FRAME_H
#define RINGLOG_TEST_PRODUCE_FRAME_H

#include <cstdint>
#include <string>
#include <vector>

#include "sys/crc32c.h"

namespace ringlog::test {

using Bytes = std::vector<uint8_t>;

inline void put(Bytes& out, uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

inline void put_at(Bytes& out, size_t at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out[at + static_cast<size_t>(i)] = static_cast<uint8_t>(value >> ((bytes - 1 - i) * 8));
}

inline void put_uvarint(Bytes& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<uint8_t>(value | 0x80));
  out.push_back(static_cast<uint8_t>(value));
}

inline void put_varint(Bytes& out, int32_t value) {
  put_uvarint(out, (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
}

inline void put_bytes(Bytes& out, const Bytes& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

inline Bytes record(int32_t offset_delta, size_t value_bytes, bool keyed = false) {
  Bytes body;
  body.push_back(0);
  put_varint(body, offset_delta * 3);  // timestamp delta
  put_varint(body, offset_delta);
  put_varint(body, keyed ? 1 : -1);
  if (keyed) body.push_back('k');
  put_varint(body, static_cast<int32_t>(value_bytes));
  body.insert(body.end(), value_bytes, 'v');
  put_varint(body, 0);
  Bytes out;
  put_varint(out, static_cast<int32_t>(body.size()));
  put_bytes(out, body);
  return out;
}

struct BatchSpec {
  int32_t records = 3;
  size_t value_bytes = 20;
  uint16_t attributes = 0;
  int64_t base_timestamp = 1700000000000;
  int64_t max_timestamp = 1700000000123;
  int64_t producer_id = 77;
  int16_t producer_epoch = 5;
  int32_t base_sequence = 9;
  // The record that has no key; -1: all have one, -2: none has.
  int32_t keyless_record = -2;
};

// Makes the length and the CRC right again.
inline void seal(Bytes& batch) {
  put_at(batch, 8, batch.size() - 12, 4);
  put_at(batch, 17, crc32c(batch.data() + 21, batch.size() - 21), 4);
}

inline Bytes batch(const BatchSpec& spec) {
  Bytes out;
  put(out, 0, 8);
  put(out, 0, 4);
  put(out, static_cast<uint64_t>(-1), 4);
  put(out, 2, 1);
  put(out, 0, 4);
  put(out, spec.attributes, 2);
  put(out, static_cast<uint64_t>(spec.records - 1), 4);
  put(out, static_cast<uint64_t>(spec.base_timestamp), 8);
  put(out, static_cast<uint64_t>(spec.max_timestamp), 8);
  put(out, static_cast<uint64_t>(spec.producer_id), 8);
  put(out, static_cast<uint64_t>(spec.producer_epoch), 2);
  put(out, static_cast<uint64_t>(spec.base_sequence), 4);
  put(out, static_cast<uint64_t>(spec.records), 4);
  for (int32_t i = 0; i < spec.records; ++i) {
    put_bytes(out, record(i, spec.value_bytes, spec.keyless_record != -2 && spec.keyless_record != i));
  }
  seal(out);
  return out;
}

struct PartitionSpec {
  int32_t index = 0;
  bool null_records = false;
  Bytes records;
};

struct TopicSpec {
  std::string name;  // or 16 bytes of id from version 13
  std::vector<PartitionSpec> partitions;
};

struct FrameSpec {
  int16_t version = 9;
  int16_t acks = -1;
  int32_t timeout_ms = 30000;
  bool null_txn_id = true;
  std::string txn_id;
  std::string client_id = "client";
  bool null_client_id = false;
  bool unknown_tags = false;
  std::vector<TopicSpec> topics;
};

class FrameWriter {
 public:
  explicit FrameWriter(const FrameSpec& spec) : spec_(spec), flexible_(spec.version >= 9) {}

  Bytes write() {
    put(out_, 0, 2);
    put(out_, static_cast<uint64_t>(spec_.version), 2);
    put(out_, 0x01020304, 4);
    put(out_, spec_.null_client_id ? 0xffff : spec_.client_id.size(), 2);
    if (!spec_.null_client_id) text(spec_.client_id);
    tags();
    string(spec_.null_txn_id, spec_.txn_id);
    put(out_, static_cast<uint64_t>(spec_.acks), 2);
    put(out_, static_cast<uint64_t>(spec_.timeout_ms), 4);
    count(spec_.topics.size());
    for (const TopicSpec& topic : spec_.topics) write_topic(topic);
    tags();
    return out_;
  }

 private:
  void write_topic(const TopicSpec& topic) {
    if (spec_.version >= 13) text(topic.name);
    else string(false, topic.name);
    count(topic.partitions.size());
    for (const PartitionSpec& partition : topic.partitions) {
      put(out_, static_cast<uint64_t>(partition.index), 4);
      if (!partition.null_records) count(partition.records.size());
      else if (flexible_) put_uvarint(out_, 0);
      else put(out_, 0xffffffff, 4);
      if (!partition.null_records) put_bytes(out_, partition.records);
      tags();
    }
    tags();
  }
  void text(const std::string& value) { out_.insert(out_.end(), value.begin(), value.end()); }
  void count(size_t value) {
    if (flexible_) put_uvarint(out_, value + 1);
    else put(out_, value, 4);
  }
  void string(bool null, const std::string& value) {
    if (flexible_) put_uvarint(out_, null ? 0 : value.size() + 1);
    else put(out_, null ? 0xffff : value.size(), 2);
    if (!null) text(value);
  }
  void tags() {
    if (!flexible_) return;
    if (!spec_.unknown_tags) return put_uvarint(out_, 0);
    put_uvarint(out_, 2);
    put_uvarint(out_, 7);
    put_uvarint(out_, 3);
    text("tag");
    put_uvarint(out_, 300);
    put_uvarint(out_, 0);
  }

  const FrameSpec& spec_;
  const bool flexible_;
  Bytes out_;
};

inline Bytes produce_frame(const FrameSpec& spec) { return FrameWriter(spec).write(); }

}  // namespace ringlog::test

#endif
