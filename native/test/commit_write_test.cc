// A record of a commit journal: gathered, padded, checksummed, and through O_DIRECT where the file system has it.

#include "sys/commit_write.h"
#include "sys/aligned_buffer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "sys/crc32c.h"
#include "test/test.h"

namespace ringlog::test {
namespace {

std::vector<uint8_t> pattern(size_t bytes, unsigned seed) {
  std::vector<uint8_t> made(bytes);
  for (size_t i = 0; i < bytes; i++) made[i] = static_cast<uint8_t>(i * 31 + (i >> 8) * 7 + seed);
  return made;
}

UniqueFd temporary(const std::vector<uint8_t>& bytes, int flags) {
  char path[] = "/tmp/ringlog-commit-XXXXXX";
  UniqueFd made(::mkostemp(path, O_CLOEXEC));
  EXPECT_EQ(::pwrite(made.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  if (flags != 0) made.reset(::open(path, O_RDWR | O_CLOEXEC | flags));
  ::unlink(path);
  return made;
}

}  // namespace

TEST(commit_write_gathers_pads_and_checksums) {
  const std::vector<uint8_t> source = pattern(100'000, 1);
  const std::vector<uint8_t> memory = pattern(777, 2);
  const std::vector<uint8_t> head = pattern(160, 3);
  const UniqueFd from = temporary(source, 0);
  for (const int flags : {0, O_DSYNC, O_DIRECT | O_DSYNC}) {
    const UniqueFd journal = temporary(pattern(64 * kDirectAlign, 9), flags);
    // Not every file system has O_DIRECT.
    if (!journal.valid()) continue;
    const double pieces[] = {static_cast<double>(from.get()), 5000, 60'000,
                             -1, static_cast<double>(reinterpret_cast<uintptr_t>(memory.data())), 777};
    CommitWrite commit{};
    commit.fd = journal.get();
    commit.position = 3 * kDirectAlign;
    commit.head = head.data();
    commit.head_bytes = head.size();
    commit.pieces = pieces;
    commit.piece_count = 2;
    commit.total_bytes = 16 * kDirectAlign;
    commit.sync = flags == 0;
    EXPECT_EQ(write_commit(commit), 0);
    std::vector<uint8_t> expected = head;
    expected.insert(expected.end(), source.begin() + 5000, source.begin() + 65'000);
    expected.insert(expected.end(), memory.begin(), memory.end());
    store_be32(expected.data(), crc32c(expected.data() + 4, expected.size() - 4));
    expected.resize(commit.total_bytes, 0);
    uint8_t* got = static_cast<uint8_t*>(std::aligned_alloc(kDirectAlign, commit.total_bytes));
    EXPECT_EQ(::pread(journal.get(), got, commit.total_bytes, commit.position), static_cast<ssize_t>(commit.total_bytes));
    EXPECT_EQ(std::memcmp(got, expected.data(), expected.size()), 0);
    std::free(got);
  }
}

TEST(commit_write_refuses_a_short_piece) {
  const UniqueFd from = temporary(pattern(100, 1), 0);
  const UniqueFd journal = temporary(pattern(kDirectAlign, 9), 0);
  const double pieces[] = {static_cast<double>(from.get()), 50, 51};
  CommitWrite commit{};
  commit.fd = journal.get();
  commit.head = reinterpret_cast<const uint8_t*>("head");
  commit.head_bytes = 4;
  commit.pieces = pieces;
  commit.piece_count = 1;
  commit.total_bytes = kDirectAlign;
  EXPECT_EQ(write_commit(commit), -EIO);
  uint8_t first = 0;
  EXPECT_EQ(::pread(journal.get(), &first, 1, 0), 1);
  EXPECT_EQ(first, pattern(1, 9)[0]);
}

}  // namespace ringlog::test
