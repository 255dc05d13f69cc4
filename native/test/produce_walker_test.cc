// Produce frames of every version: read right when right, refused at every truncation, and no mutation leads outside
// the frame or the descriptors.

#include "reactor/produce_walker.h"

#include <cstring>

#include "reactor/tick_layout.h"
#include "test/produce_frame.h"
#include "test/test.h"

namespace ringlog::test {
namespace {

constexpr int32_t kUntouched = 0x5a5a5a5a;

struct Walked {
  std::vector<int32_t> slot;
  std::vector<int32_t> desc;
  int32_t desc_at(int32_t index, int32_t word) const { return desc[static_cast<size_t>(index * DESC_WORDS + word)]; }
};

// The frame alone in memory, behind `offset` bytes that are nobody's: overreads are seen by the sanitizer.
Walked walk(const Bytes& frame, uint32_t offset = 0, uint32_t first = 0, uint32_t capacity = 16) {
  Bytes arena(offset, 0xee);
  put_bytes(arena, frame);
  arena.shrink_to_fit();
  Walked walked;
  walked.slot.assign(CQ_SLOT_WORDS, kUntouched);
  walked.desc.assign(static_cast<size_t>(capacity + 1) * DESC_WORDS, kUntouched);
  walk_produce(arena.data(), offset, static_cast<uint32_t>(frame.size()), walked.slot.data(), walked.desc.data(), first, capacity);
  return walked;
}

FrameSpec sample(int16_t version, bool tags = false) {
  FrameSpec spec;
  spec.version = version;
  spec.unknown_tags = tags && version >= 9;
  spec.null_txn_id = version % 2 == 0;
  spec.txn_id = "my-transaction";
  spec.acks = -1;
  spec.timeout_ms = 12345;
  const bool ids = version >= 13;
  spec.topics = {
      {ids ? "0123456789abcdef" : "orders", {{3, false, batch({})}, {0, true, {}}, {7, false, batch({.records = 1, .value_bytes = 300})}}},
      {ids ? "fedcba9876543210" : "x", {{1, false, {}}}},
      {ids ? "a-third-topic-id" : "none-of-it", {}},
  };
  return spec;
}

void expect_sample(const FrameSpec& spec, const Walked& walked, const Bytes& frame, int32_t offset, int32_t first) {
  const bool ids = spec.version >= 13;
  const auto text_at = [&](int32_t at, size_t length) {
    return std::string(reinterpret_cast<const char*>(frame.data()) + (at - offset), length);
  };
  const auto& slot = walked.slot;
  EXPECT_EQ(slot[Frame::STATUS], FrameStatus::OK);
  EXPECT_EQ(slot[Frame::DESC_FIRST], first);
  EXPECT_EQ(slot[Frame::DESC_COUNT], 4);
  EXPECT_EQ(slot[Frame::ACKS], -1);
  EXPECT_EQ(slot[Frame::TIMEOUT_MS], 12345);
  EXPECT_EQ(slot[Frame::TXN_ID_LENGTH], spec.null_txn_id ? -1 : 14);
  if (!spec.null_txn_id) EXPECT(text_at(slot[Frame::TXN_ID_OFFSET], 14) == spec.txn_id);
  for (const int32_t word : {Frame::OP, Frame::CONN, Frame::GENERATION, Frame::OFFSET, Frame::LENGTH, Frame::API_KEY, Frame::BLOCK}) {
    EXPECT_EQ(slot[static_cast<size_t>(word)], kUntouched);
  }
  constexpr int32_t kPartitions[] = {3, 0, 7, 1};
  constexpr int32_t kStarts[] = {1, 0, 0, 1};
  constexpr int32_t kCounts[] = {3, 0, 0, 1};
  constexpr int32_t kStatuses[] = {BatchStatus::OK, BatchStatus::EMPTY, BatchStatus::OK, BatchStatus::EMPTY};
  for (int32_t i = 0; i < 4; ++i) {
    const int32_t d = first + i;
    const TopicSpec& topic = spec.topics[i < 3 ? 0 : 1];
    const PartitionSpec& partition = topic.partitions[static_cast<size_t>(i < 3 ? i : 0)];
    EXPECT(text_at(walked.desc_at(d, Desc::TOPIC_OFFSET), topic.name.size()) == topic.name);
    EXPECT_EQ(walked.desc_at(d, Desc::TOPIC_LENGTH), ids ? -1 : static_cast<int32_t>(topic.name.size()));
    EXPECT_EQ(walked.desc_at(d, Desc::TOPIC_HASH), static_cast<int32_t>(crc32c(topic.name.data(), topic.name.size())));
    EXPECT_EQ(walked.desc_at(d, Desc::PARTITION), kPartitions[i]);
    EXPECT_EQ(walked.desc_at(d, Desc::TOPIC_START), kStarts[i]);
    EXPECT_EQ(walked.desc_at(d, Desc::TOPIC_PARTITIONS), kCounts[i]);
    EXPECT_EQ(walked.desc_at(d, Desc::STATUS), kStatuses[i]);
    const int32_t length = partition.null_records ? -1 : static_cast<int32_t>(partition.records.size());
    EXPECT_EQ(walked.desc_at(d, Desc::RECORDS_LENGTH), length);
    if (length > 0) {
      const uint8_t* const records = frame.data() + (walked.desc_at(d, Desc::RECORDS_OFFSET) - offset);
      EXPECT(std::memcmp(records, partition.records.data(), partition.records.size()) == 0);
    }
  }
}

// Nothing outside the table's range was written, and what OK descriptors name lies in the frame.
void expect_inside(const Walked& walked, uint32_t offset, size_t length, uint32_t first, uint32_t capacity) {
  const auto& slot = walked.slot;
  const int32_t count = slot[Frame::DESC_COUNT];
  EXPECT(count >= 0 && first + static_cast<uint32_t>(count) <= capacity);
  EXPECT(slot[Frame::STATUS] == FrameStatus::OK || count == 0);
  for (size_t word = 0; word < first * DESC_WORDS; ++word) EXPECT_EQ(walked.desc[word], kUntouched);
  for (size_t word = static_cast<size_t>(capacity) * DESC_WORDS; word < walked.desc.size(); ++word) EXPECT_EQ(walked.desc[word], kUntouched);
  const auto begin = static_cast<int64_t>(offset);
  const auto end = begin + static_cast<int64_t>(length);
  const auto inside = [&](int64_t at, int64_t bytes) { return at >= begin && bytes >= 0 && at + bytes <= end; };
  for (int32_t d = static_cast<int32_t>(first); d < static_cast<int32_t>(first) + count; ++d) {
    const int32_t name = walked.desc_at(d, Desc::TOPIC_LENGTH);
    EXPECT(inside(walked.desc_at(d, Desc::TOPIC_OFFSET), name < 0 ? 16 : name));
    const int32_t records = walked.desc_at(d, Desc::RECORDS_LENGTH);
    EXPECT(inside(walked.desc_at(d, Desc::RECORDS_OFFSET), records < 0 ? 0 : records));
    const int32_t status = walked.desc_at(d, Desc::STATUS);
    EXPECT(status >= BatchStatus::OK && status <= BatchStatus::BAD_ATTRIBUTES);
  }
}

}  // namespace

TEST(produce_every_version) {
  for (int16_t version = 3; version <= 13; ++version) {
    for (const bool tags : {false, true}) {
      const FrameSpec spec = sample(version, tags);
      const Bytes frame = produce_frame(spec);
      expect_sample(spec, walk(frame), frame, 0, 0);
      expect_sample(spec, walk(frame, 1001, 5), frame, 1001, 5);
    }
  }
}

TEST(produce_other_versions_are_refused) {
  for (const int16_t version : {-1, 0, 1, 2, 14, 32767, -32768}) {
    FrameSpec spec = sample(9);
    Bytes frame = produce_frame(spec);
    put_at(frame, 2, static_cast<uint64_t>(version), 2);
    EXPECT_EQ(walk(frame).slot[Frame::STATUS], FrameStatus::MALFORMED);
  }
}

TEST(produce_truncated_anywhere) {
  for (int16_t version = 3; version <= 13; ++version) {
    const Bytes frame = produce_frame(sample(version, true));
    for (size_t length = 0; length < frame.size(); ++length) {
      const Walked walked = walk(Bytes(frame.begin(), frame.begin() + static_cast<long>(length)), 7, 2);
      EXPECT_EQ(walked.slot[Frame::STATUS], FrameStatus::MALFORMED);
      expect_inside(walked, 7, length, 2, 16);
    }
  }
}

TEST(produce_left_over_bytes) {
  for (int16_t version = 3; version <= 13; ++version) {
    Bytes frame = produce_frame(sample(version));
    frame.push_back(0);
    EXPECT_EQ(walk(frame).slot[Frame::STATUS], FrameStatus::MALFORMED);
  }
}

TEST(produce_wrong_lengths) {
  // Version 3, client id "client": transactional id length at 16, acks 18, timeout 20, topic count 24, name length 28.
  FrameSpec spec = sample(4);
  const Bytes good = produce_frame(spec);
  const auto status = [&](size_t at, uint64_t value, int bytes) {
    Bytes frame = good;
    put_at(frame, at, value, bytes);
    return walk(frame).slot[Frame::STATUS];
  };
  EXPECT_EQ(status(16, 0xffff, 2), FrameStatus::OK);
  EXPECT_EQ(status(8, 0xfffe, 2), FrameStatus::MALFORMED);
  EXPECT_EQ(status(16, 0xfffe, 2), FrameStatus::MALFORMED);
  EXPECT_EQ(status(24, 0xffffffff, 4), FrameStatus::MALFORMED);
  EXPECT_EQ(status(24, 0x7fffffff, 4), FrameStatus::MALFORMED);
  EXPECT_EQ(status(28, 0xffff, 2), FrameStatus::MALFORMED);
  EXPECT_EQ(status(36, 0xffffffff, 4), FrameStatus::MALFORMED);
  EXPECT_EQ(status(44, 0xfffffffe, 4), FrameStatus::MALFORMED);
  EXPECT_EQ(status(44, 0x7fffffff, 4), FrameStatus::MALFORMED);
}

TEST(produce_overlong_varints) {
  FrameSpec spec = sample(10);
  spec.null_client_id = true;
  spec.topics.clear();
  const Bytes good = produce_frame(spec);
  EXPECT_EQ(walk(good).slot[Frame::STATUS], FrameStatus::OK);
  // The tag count of the header, at 10, is 0: other spellings of it.
  const auto status = [&](const Bytes& count) {
    Bytes frame = good;
    frame.erase(frame.begin() + 10);
    frame.insert(frame.begin() + 10, count.begin(), count.end());
    return walk(frame).slot[Frame::STATUS];
  };
  EXPECT_EQ(status({0x80, 0x00}), FrameStatus::OK);
  EXPECT_EQ(status({0x80, 0x80, 0x80, 0x80, 0x00}), FrameStatus::OK);
  EXPECT_EQ(status({0x80, 0x80, 0x80, 0x80, 0x10}), FrameStatus::MALFORMED);
  EXPECT_EQ(status({0x80, 0x80, 0x80, 0x80, 0x80, 0x00}), FrameStatus::MALFORMED);
  EXPECT_EQ(status({0xff, 0xff, 0xff, 0xff, 0x0f}), FrameStatus::MALFORMED);
}

TEST(produce_strings_are_bounded_in_both_forms) {
  for (const int16_t version : {3, 9, 12}) {
    FrameSpec spec = sample(version);
    spec.topics[0].name.assign(32767, 'n');
    EXPECT_EQ(walk(produce_frame(spec)).slot[Frame::STATUS], FrameStatus::OK);
    spec.topics[0].name.assign(32768, 'n');
    EXPECT_EQ(walk(produce_frame(spec)).slot[Frame::STATUS], FrameStatus::MALFORMED);
  }
}

TEST(produce_more_partitions_than_descriptors) {
  for (const int16_t version : {3, 9, 13}) {
    const Bytes frame = produce_frame(sample(version));
    for (uint32_t capacity = 2; capacity < 8; ++capacity) {
      const Walked walked = walk(frame, 3, 2, capacity);
      EXPECT_EQ(walked.slot[Frame::STATUS], capacity < 6 ? FrameStatus::TOO_MANY_PARTITIONS : FrameStatus::OK);
      expect_inside(walked, 3, frame.size(), 2, capacity);
    }
  }
}

TEST(produce_random_mutations) {
  Random random(5);
  std::vector<Bytes> frames;
  for (int16_t version = 3; version <= 13; ++version) frames.push_back(produce_frame(sample(version, version % 3 == 0)));
  int statuses[3] = {};
  for (int round = 0; round < 200000; ++round) {
    Bytes frame = frames[random.below(static_cast<uint32_t>(frames.size()))];
    for (uint32_t changes = 1 + random.below(4); changes > 0; --changes) {
      const uint32_t at = random.below(static_cast<uint32_t>(frame.size()));
      switch (random.below(5)) {
        case 0: frame[at] = static_cast<uint8_t>(random.next()); break;
        case 1: frame[at] ^= static_cast<uint8_t>(1U << random.below(8)); break;
        case 2: frame.insert(frame.begin() + at, static_cast<uint8_t>(random.next())); break;
        case 3: if (frame.size() > 2) frame.erase(frame.begin() + at); break;
        default: frame[at] = static_cast<uint8_t>(0xff * random.below(2)); break;
      }
    }
    const uint32_t capacity = 3 + random.below(12);
    const Walked walked = walk(frame, random.below(3), 2, capacity);
    expect_inside(walked, 0, frame.size() + 2, 2, capacity);
    ++statuses[walked.slot[Frame::STATUS]];
  }
  EXPECT(statuses[0] > 1000 && statuses[1] > 1000 && statuses[2] > 1000);
}

}  // namespace ringlog::test
