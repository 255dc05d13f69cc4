// The twin of src/net/kafka/wire/produce-walker.ts: both write the same numbers, and a differential test holds them to it.

#include "reactor/produce_walker.h"

#include "base/bytes.h"
#include "sys/crc32c.h"
#include "reactor/batch_walker.h"
#include "reactor/tick_layout.h"

namespace ringlog {
namespace {

constexpr int32_t kVersionMin = 3;
constexpr int32_t kVersionMax = 13;
constexpr int32_t kFlexibleFrom = 9;
constexpr int32_t kTopicIdFrom = 13;
constexpr uint32_t kTopicIdBytes = 16;
constexpr int32_t kStringMax = 0x7fff;  // Kafka refuses longer strings in the compact form too

// A position in the frame. After a step past the end it is bad for good and reads zeros, so steps need no checks of
// their own: whoever acts on a value looks at bad() first.
class Cursor {
 public:
  Cursor(const uint8_t* begin, uint32_t length) : begin_(begin), at_(begin), end_(begin + length) {}

  bool bad() const { return bad_; }
  bool finished() const { return !bad_ && at_ == end_; }
  const uint8_t* at() const { return at_; }
  uint32_t position() const { return static_cast<uint32_t>(at_ - begin_); }

  void fail() {
    bad_ = true;
    at_ = end_;
  }

  void skip(uint32_t bytes) {
    if (bytes > left()) return fail();
    at_ += bytes;
  }

  uint32_t u8() {
    if (left() < 1) return fail(), 0;
    return *at_++;
  }

  int32_t i16() {
    if (left() < 2) return fail(), 0;
    const auto value = static_cast<int16_t>(load_be16(at_));
    at_ += 2;
    return value;
  }

  int32_t i32() {
    if (left() < 4) return fail(), 0;
    const auto value = static_cast<int32_t>(load_be32(at_));
    at_ += 4;
    return value;
  }

  uint32_t uvarint() {
    uint32_t value = 0;
    for (unsigned shift = 0; shift <= 28; shift += 7) {
      const uint32_t byte = u8();
      if (shift == 28 && byte > 0x0f) break;  // a sixth byte, or bits beyond 32
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return fail(), 0;
  }

  // The length of an array, string or records field: -1 for null, otherwise 0 or more; other values are malformed.
  int32_t compact_length() {
    const uint32_t plus_one = uvarint();
    if (plus_one > 0x80000000U) return fail(), 0;
    return static_cast<int32_t>(plus_one - 1);
  }
  int32_t array_or_bytes_length(bool flexible) { return checked(flexible ? compact_length() : i32()); }
  int32_t string_length(bool flexible) {
    const int32_t length = checked(flexible ? compact_length() : i16());
    if (length > kStringMax) return fail(), 0;
    return length;
  }

  void skip_tags(bool flexible) {
    if (!flexible) return;
    for (uint32_t count = uvarint(); count > 0 && !bad_; --count) {
      uvarint();
      skip(uvarint());
    }
  }

 private:
  uint32_t left() const { return static_cast<uint32_t>(end_ - at_); }
  int32_t checked(int32_t length) {
    if (length < -1) return fail(), 0;
    return length;
  }

  const uint8_t* const begin_;
  const uint8_t* at_;
  const uint8_t* const end_;
  bool bad_ = false;
};

class Walk {
 public:
  Walk(const uint8_t* arena, uint32_t frame_offset, uint32_t frame_length, int32_t* slot, int32_t* desc, uint32_t next,
       uint32_t capacity)
      : cursor_(arena + frame_offset, frame_length), frame_offset_(frame_offset), slot_(slot), desc_(desc), next_(next),
        capacity_(capacity) {}

  uint32_t next() const { return next_; }

  int32_t run() {
    header();
    const int32_t txn_id_length = cursor_.string_length(flexible_);
    if (cursor_.bad()) return FrameStatus::MALFORMED;
    slot_[Frame::TXN_ID_OFFSET] = here();
    slot_[Frame::TXN_ID_LENGTH] = txn_id_length;
    if (txn_id_length > 0) cursor_.skip(static_cast<uint32_t>(txn_id_length));
    slot_[Frame::ACKS] = cursor_.i16();
    slot_[Frame::TIMEOUT_MS] = cursor_.i32();
    int32_t topics = cursor_.array_or_bytes_length(flexible_);
    if (topics < 0) cursor_.fail();
    for (; topics > 0 && !cursor_.bad(); --topics) {
      if (!topic()) return FrameStatus::TOO_MANY_PARTITIONS;
    }
    cursor_.skip_tags(flexible_);
    return cursor_.finished() ? FrameStatus::OK : FrameStatus::MALFORMED;
  }

 private:
  int32_t here() const { return static_cast<int32_t>(frame_offset_ + cursor_.position()); }

  // Header v1, or v2 with tags; the client id keeps the plain form in both.
  void header() {
    cursor_.skip(2);
    const int32_t version = cursor_.i16();
    if (version < kVersionMin || version > kVersionMax) cursor_.fail();
    flexible_ = version >= kFlexibleFrom;
    by_id_ = version >= kTopicIdFrom;
    cursor_.skip(4);
    const int32_t client_id_length = cursor_.string_length(false);
    if (client_id_length > 0) cursor_.skip(static_cast<uint32_t>(client_id_length));
    cursor_.skip_tags(flexible_);
  }

  // False when the descriptors are used up.
  bool topic() {
    const int32_t name_length = by_id_ ? -1 : cursor_.string_length(flexible_);
    if (!by_id_ && name_length < 0) cursor_.fail();
    const uint32_t key_bytes = by_id_ ? kTopicIdBytes : static_cast<uint32_t>(name_length < 0 ? 0 : name_length);
    const int32_t key_offset = here();
    const uint8_t* const key = cursor_.at();
    cursor_.skip(key_bytes);
    const int32_t partitions = cursor_.array_or_bytes_length(flexible_);
    if (partitions < 0) cursor_.fail();
    if (cursor_.bad()) return true;
    const auto hash = static_cast<int32_t>(crc32c(key, key_bytes));
    for (int32_t index = 0; index < partitions && !cursor_.bad(); ++index) {
      if (next_ >= capacity_) return false;
      int32_t* const descriptor = desc_ + static_cast<size_t>(next_) * DESC_WORDS;
      descriptor[Desc::TOPIC_OFFSET] = key_offset;
      descriptor[Desc::TOPIC_LENGTH] = name_length;
      descriptor[Desc::TOPIC_HASH] = hash;
      descriptor[Desc::TOPIC_START] = index == 0 ? 1 : 0;
      descriptor[Desc::TOPIC_PARTITIONS] = index == 0 ? partitions : 0;
      partition(descriptor);
      ++next_;
    }
    cursor_.skip_tags(flexible_);
    return true;
  }

  void partition(int32_t* descriptor) {
    descriptor[Desc::PARTITION] = cursor_.i32();
    const int32_t length = cursor_.array_or_bytes_length(flexible_);
    const uint32_t bytes = length < 0 ? 0 : static_cast<uint32_t>(length);
    const uint8_t* const records = cursor_.at();
    descriptor[Desc::RECORDS_OFFSET] = here();
    descriptor[Desc::RECORDS_LENGTH] = length;
    cursor_.skip(bytes);
    cursor_.skip_tags(flexible_);
    if (!cursor_.bad()) walk_batch(records, bytes, descriptor);
  }

  Cursor cursor_;
  const uint32_t frame_offset_;
  int32_t* const slot_;
  int32_t* const desc_;
  uint32_t next_;
  const uint32_t capacity_;
  bool flexible_ = false;
  bool by_id_ = false;
};

}  // namespace

void walk_produce(const uint8_t* arena, uint32_t frame_offset, uint32_t frame_length, int32_t* frame_slot, int32_t* desc,
                  uint32_t desc_first, uint32_t desc_capacity) {
  frame_slot[Frame::ACKS] = 0;
  frame_slot[Frame::TIMEOUT_MS] = 0;
  frame_slot[Frame::TXN_ID_OFFSET] = 0;
  frame_slot[Frame::TXN_ID_LENGTH] = -1;
  Walk walk(arena, frame_offset, frame_length, frame_slot, desc, desc_first, desc_capacity);
  const int32_t status = walk.run();
  frame_slot[Frame::STATUS] = status;
  frame_slot[Frame::DESC_FIRST] = static_cast<int32_t>(desc_first);
  frame_slot[Frame::DESC_COUNT] = status == FrameStatus::OK ? static_cast<int32_t>(walk.next() - desc_first) : 0;
}

}  // namespace ringlog
