// CRC-32C: every form against one bit at a time.

#include "sys/crc32c.h"

#include "test/test.h"

namespace ringlog::test {
namespace {

uint32_t bitwise(uint32_t crc, const uint8_t* bytes, size_t length) {
  crc = ~crc;
  for (size_t i = 0; i < length; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

std::vector<uint8_t> random_bytes(size_t length) {
  Random random(length);
  std::vector<uint8_t> bytes(length);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

}  // namespace

TEST(crc32c_check_value) {
  EXPECT_EQ(crc32c("123456789", 9), 0xe3069283U);
  EXPECT_EQ(crc32c_extend_portable(0, "123456789", 9), 0xe3069283U);
  EXPECT_EQ(crc32c(nullptr, 0), 0U);
  std::printf("  engine: %s\n", crc32c_engine());
}

TEST(crc32c_every_length_and_alignment) {
  const auto bytes = random_bytes(1024);
  for (size_t offset = 0; offset < 16; ++offset) {
    for (size_t length = 0; length <= 600; ++length) {
      // The bytes end where the allocation ends in the last round of each offset, so an overread is seen.
      const std::vector<uint8_t> exact(bytes.begin() + static_cast<long>(offset), bytes.begin() + static_cast<long>(offset + length));
      const uint32_t expected = bitwise(0, exact.data(), length);
      EXPECT_EQ(crc32c(bytes.data() + offset, length), expected);
      EXPECT_EQ(crc32c(exact.data(), length), expected);
      EXPECT_EQ(crc32c_extend_portable(0, exact.data(), length), expected);
    }
  }
}

TEST(crc32c_long_inputs_at_block_edges) {
  const auto bytes = random_bytes(80000);
  for (const size_t edge : {192U, 1536U, 3072U, 12288U, 13824U, 24576U, 65536U, 79000U}) {
    for (size_t length = edge - 9; length <= edge + 9; ++length) {
      EXPECT_EQ(crc32c(bytes.data() + 1, length), bitwise(0, bytes.data() + 1, length));
    }
  }
}

TEST(crc32c_extend_joins_at_any_cut) {
  const auto bytes = random_bytes(4000);
  const uint32_t whole = bitwise(0, bytes.data(), bytes.size());
  for (size_t cut = 0; cut <= bytes.size(); cut += 37) {
    EXPECT_EQ(crc32c_extend(crc32c(bytes.data(), cut), bytes.data() + cut, bytes.size() - cut), whole);
    EXPECT_EQ(crc32c_extend_portable(crc32c(bytes.data(), cut), bytes.data() + cut, bytes.size() - cut), whole);
  }
}

}  // namespace ringlog::test
