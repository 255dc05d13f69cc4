// What a produced batch may be, and the order in which wrong ones are refused.

#include "reactor/batch_walker.h"

#include <cstring>
#include <functional>

#include "reactor/tick_layout.h"
#include "test/produce_frame.h"
#include "test/test.h"

namespace ringlog::test {
namespace {

struct Walked {
  alignas(8) int32_t words[DESC_WORDS] = {};
  int32_t operator[](int32_t word) const { return words[word]; }
  double f64(int32_t cell) const {
    double value;
    std::memcpy(&value, words + 2 * cell, sizeof value);
    return value;
  }
};

Walked walk(const Bytes& records) {
  Walked walked;
  walk_batch(records.data(), records.size(), walked.words);
  return walked;
}

int32_t status_of(const Bytes& records) { return walk(records)[Desc::STATUS]; }

// A good batch, changed and sealed again: what is wrong is not its length or CRC.
int32_t status_after(const std::function<void(Bytes&)>& change, const BatchSpec& spec = {}) {
  Bytes bytes = batch(spec);
  change(bytes);
  seal(bytes);
  return status_of(bytes);
}

}  // namespace

TEST(batch_fields) {
  const Walked walked = walk(batch({.records = 4, .attributes = 0x10, .producer_id = (1LL << 52) + 3, .base_sequence = 0x7fffffff}));
  EXPECT_EQ(walked[Desc::STATUS], BatchStatus::OK);
  EXPECT_EQ(walked[Desc::ATTRIBUTES], 0x10);
  EXPECT_EQ(walked[Desc::LAST_OFFSET_DELTA], 3);
  EXPECT_EQ(walked[Desc::RECORD_COUNT], 4);
  EXPECT_EQ(walked[Desc::PRODUCER_EPOCH], 5);
  EXPECT_EQ(walked[Desc::BASE_SEQUENCE], 0x7fffffff);
  EXPECT_EQ(walked[Desc::MAGIC], 2);
  EXPECT_EQ(walked.f64(Desc::BASE_TIMESTAMP_F64), 1700000000000.0);
  EXPECT_EQ(walked.f64(Desc::MAX_TIMESTAMP_F64), 1700000000123.0);
  EXPECT_EQ(walked.f64(Desc::PRODUCER_ID_F64), static_cast<double>((1LL << 52) + 3));
  EXPECT_EQ(walked.f64(Desc::BASE_OFFSET_F64), 0.0);
}

TEST(batch_int64_extremes_become_the_nearest_double) {
  const Walked walked = walk(batch({.base_timestamp = INT64_MIN, .max_timestamp = INT64_MAX, .producer_id = -1}));
  EXPECT_EQ(walked[Desc::STATUS], BatchStatus::OK);
  EXPECT_EQ(walked.f64(Desc::BASE_TIMESTAMP_F64), -9223372036854775808.0);
  EXPECT_EQ(walked.f64(Desc::MAX_TIMESTAMP_F64), 9223372036854775808.0);
  EXPECT_EQ(walked.f64(Desc::PRODUCER_ID_F64), -1.0);
}

TEST(batch_without_a_key) {
  EXPECT_EQ(walk(batch({}))[Desc::KEYLESS], 1);
  EXPECT_EQ(walk(batch({.keyless_record = -1}))[Desc::KEYLESS], 0);
  for (int32_t keyless = 0; keyless < 3; ++keyless) EXPECT_EQ(walk(batch({.keyless_record = keyless}))[Desc::KEYLESS], 1);
  EXPECT_EQ(walk(batch({.attributes = 1}))[Desc::KEYLESS], 0);
}

TEST(batch_empty_and_short) {
  EXPECT_EQ(status_of({}), BatchStatus::EMPTY);
  const Bytes good = batch({});
  for (size_t length = 1; length < good.size(); ++length) {
    const Walked walked = walk(Bytes(good.begin(), good.begin() + static_cast<long>(length)));
    EXPECT_EQ(walked[Desc::STATUS], BatchStatus::BAD_LENGTH);
    EXPECT_EQ(walked[Desc::MAGIC], length > 16 ? 2 : -1);
    EXPECT_EQ(walked[Desc::RECORD_COUNT], length >= 61 ? 3 : 0);
  }
}

TEST(batch_length_field) {
  for (const uint32_t length : {0U, 48U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
    Bytes bytes = batch({});
    put_at(bytes, 8, length, 4);
    EXPECT_EQ(status_of(bytes), BatchStatus::BAD_LENGTH);
  }
  Bytes trailing = batch({});
  trailing.push_back(0);
  EXPECT_EQ(status_of(trailing), BatchStatus::BAD_LENGTH);
}

TEST(batch_magic_before_crc) {
  for (const uint8_t magic : {0, 1, 3, 255}) {
    Bytes bytes = batch({});
    bytes[16] = magic;
    bytes.back() ^= 1;
    const Walked walked = walk(bytes);
    EXPECT_EQ(walked[Desc::STATUS], BatchStatus::BAD_MAGIC);
    EXPECT_EQ(walked[Desc::MAGIC], static_cast<int8_t>(magic));
  }
}

TEST(batch_crc_covers_every_byte_from_21) {
  const Bytes good = batch({});
  for (size_t at = 17; at < good.size(); ++at) {
    Bytes bytes = good;
    bytes[at] ^= 0x40;
    EXPECT_EQ(status_of(bytes), BatchStatus::BAD_CRC);
  }
  for (const size_t at : {0U, 7U, 12U, 15U}) {
    Bytes bytes = good;
    bytes[at] ^= 0x40;
    EXPECT_EQ(status_of(bytes), BatchStatus::OK);
  }
}

TEST(batch_several) {
  Bytes two = batch({});
  put_bytes(two, batch({}));
  EXPECT_EQ(status_of(two), BatchStatus::SEVERAL_BATCHES);
  two[30] ^= 1;
  EXPECT_EQ(status_of(two), BatchStatus::BAD_CRC);
}

TEST(batch_count) {
  EXPECT_EQ(status_after([](Bytes& b) { put_at(b, 57, 0, 4); put_at(b, 23, 0xffffffff, 4); }), BatchStatus::BAD_COUNT);
  EXPECT_EQ(status_after([](Bytes& b) { put_at(b, 57, 4, 4); }), BatchStatus::BAD_COUNT);
  EXPECT_EQ(status_after([](Bytes& b) { put_at(b, 57, 4, 4); put_at(b, 23, 3, 4); }), BatchStatus::BAD_COUNT);
  EXPECT_EQ(status_after([](Bytes& b) { put_at(b, 57, 2, 4); put_at(b, 23, 1, 4); }), BatchStatus::BAD_COUNT);
  EXPECT_EQ(status_after([](Bytes& b) { put_at(b, 57, 0x80000000, 4); put_at(b, 23, 0x7fffffff, 4); }), BatchStatus::BAD_COUNT);
  EXPECT_EQ(status_after([](Bytes& b) { put_at(b, 57, 0x7fffffff, 4); put_at(b, 23, 0x7ffffffe, 4); }), BatchStatus::BAD_COUNT);
}

TEST(batch_records_fill_the_body) {
  const auto first_length = [](int32_t value) {
    return [value](Bytes& b) {
      Bytes varint;
      put_varint(varint, value);
      b.erase(b.begin() + 61);
      b.insert(b.begin() + 61, varint.begin(), varint.end());
    };
  };
  for (const int32_t value : {0, -1, 1, 2, 3, 1000, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(status_after(first_length(value)), BatchStatus::BAD_COUNT);
  }
  EXPECT_EQ(status_after([](Bytes& b) { b.pop_back(); }), BatchStatus::BAD_COUNT);
  EXPECT_EQ(status_after([](Bytes& b) { b.push_back(0); }), BatchStatus::BAD_COUNT);
  EXPECT_EQ(status_after([](Bytes& b) { b.resize(61); }), BatchStatus::BAD_COUNT);
  // Offset deltas 0, 0, 2: byte 64 is the first record's (length 61, attributes 62, timestamp delta 63).
  EXPECT_EQ(status_after([](Bytes& b) { b[64] = 2; }), BatchStatus::BAD_COUNT);
  // A varint of five bytes whose last has bits beyond the 32nd, and one of six.
  const Bytes overlong{0xff, 0xff, 0xff, 0xff, 0x1f};
  EXPECT_EQ(status_after([&](Bytes& b) { b.insert(b.begin() + 61, overlong.begin(), overlong.end()); }), BatchStatus::BAD_COUNT);
  // A timestamp delta that never ends.
  EXPECT_EQ(status_after([](Bytes& b) { for (size_t at = 63; at < 80; ++at) b[at] = 0x80; }), BatchStatus::BAD_COUNT);
}

TEST(batch_varint_spellings) {
  const auto with_length = [](const Bytes& rest) {
    return status_after(
        [&](Bytes& b) {
          b[61] |= 0x80;
          b.insert(b.begin() + 62, rest.begin(), rest.end());
        },
        {.records = 1});
  };
  EXPECT_EQ(with_length({0x00}), BatchStatus::OK);
  EXPECT_EQ(with_length({0x80, 0x80, 0x80, 0x00}), BatchStatus::OK);
  EXPECT_EQ(with_length({0x80, 0x80, 0x80, 0x10}), BatchStatus::BAD_COUNT);
  EXPECT_EQ(with_length({0x80, 0x80, 0x80, 0x80, 0x00}), BatchStatus::BAD_COUNT);
}

TEST(batch_compressed_bodies_stay_closed) {
  for (const uint16_t codec : {1, 2, 3, 4}) {
    EXPECT_EQ(status_after([](Bytes& b) { b.resize(70); }, {.attributes = codec}), BatchStatus::OK);
  }
}

TEST(batch_attributes) {
  for (const uint16_t attributes : {5, 6, 7, 0x80, 0x8000, 0xff80, 0x0100}) {
    EXPECT_EQ(status_of(batch({.attributes = attributes})), BatchStatus::BAD_ATTRIBUTES);
  }
  for (const uint16_t attributes : {0, 0x08, 0x10, 0x20, 0x40, 0x78}) {
    EXPECT_EQ(status_of(batch({.attributes = attributes})), BatchStatus::OK);
  }
  EXPECT_EQ(walk(batch({.attributes = 0x8000}))[Desc::ATTRIBUTES], -32768);
}

TEST(batch_random_bodies_under_a_right_crc) {
  Random random(11);
  int ok = 0;
  for (int round = 0; round < 200000; ++round) {
    Bytes bytes = batch({.records = 1 + static_cast<int32_t>(random.below(4)), .value_bytes = random.below(30)});
    for (uint32_t changes = random.below(4); changes > 0; --changes) {
      const auto at = static_cast<long>(21 + random.below(static_cast<uint32_t>(bytes.size()) - 21));
      switch (random.below(3)) {
        case 0: bytes[static_cast<size_t>(at)] = static_cast<uint8_t>(random.next()); break;
        case 1: bytes.insert(bytes.begin() + at, static_cast<uint8_t>(random.next())); break;
        default: if (bytes.size() > 70) bytes.erase(bytes.begin() + at);
      }
    }
    seal(bytes);
    bytes.shrink_to_fit();
    const int32_t status = status_of(bytes);
    EXPECT(status == BatchStatus::OK || status == BatchStatus::BAD_COUNT || status == BatchStatus::BAD_ATTRIBUTES);
    if (status == BatchStatus::OK) ++ok;
  }
  EXPECT(ok > 50000 && ok < 190000);
}

}  // namespace ringlog::test
