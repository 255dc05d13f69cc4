// File work off the shard: every job gets exactly one result, and none is lost at the end.

#include "sys/file_threads.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "test/test.h"

namespace ringlog::test {

TEST(file_threads_answer_every_job) {
  char path[] = "/tmp/ringlog-threads-XXXXXX";
  const UniqueFd file(::mkostemp(path, O_CLOEXEC));
  ::unlink(path);
  std::vector<uint8_t> bytes(256 * 1024);
  for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<uint8_t>(at * 7 + (at >> 8));
  EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  for (const int threads : {0, 1, 3}) {
    constexpr int kJobs = 400;
    constexpr size_t kLength = 1000;
    FileThreads pool(threads);
    std::vector<uint8_t> memory(kJobs * kLength);
    std::vector<int> answers(kJobs, 0);
    std::vector<FileJob> results;
    int answered = 0;
    for (int i = 0; i < kJobs; ++i) {
      FileJob job{};
      job.kind = i % 50 == 0 ? FileJob::Kind::kSync : FileJob::Kind::kRead;
      job.fd = i % 97 == 96 ? -1 : file.get();
      job.ticket = i;
      job.position = i * 500;
      job.into = memory.data() + static_cast<size_t>(i) * kLength;
      job.length = kLength;
      pool.submit(job);
    }
    for (int round = 0; round < 2000 && answered < kJobs; ++round) {
      pollfd waiting{pool.event_fd(), POLLIN, 0};
      ::poll(&waiting, 1, 5);
      // poll() is level-triggered: unread, the event would make this loop spin through its rounds.
      uint64_t signals = 0;
      (void)!::read(pool.event_fd(), &signals, sizeof signals);
      results.clear();
      pool.take_results(&results);
      for (const FileJob& job : results) {
        const int i = job.ticket;
        ++answers[static_cast<size_t>(i)];
        ++answered;
        if (i % 97 == 96) {
          EXPECT_EQ(job.result, -EBADF);
        } else if (job.kind == FileJob::Kind::kSync) {
          EXPECT_EQ(job.result, 0);
        } else {
          EXPECT_EQ(job.result, static_cast<int64_t>(kLength));
          for (size_t at = 0; at < kLength; ++at) EXPECT_EQ(job.into[at], bytes[static_cast<size_t>(i) * 500 + at]);
        }
      }
    }
    for (const int count : answers) EXPECT_EQ(count, 1);
  }
}

TEST(file_threads_end_after_their_work) {
  char path[] = "/tmp/ringlog-threads-XXXXXX";
  const UniqueFd file(::mkostemp(path, O_CLOEXEC));
  ::unlink(path);
  const std::vector<uint8_t> bytes(1 << 20, 9);
  EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  std::vector<uint8_t> memory(64 << 14);
  {
    FileThreads pool(2);
    for (int i = 0; i < 64; ++i) {
      FileJob job{};
      job.kind = FileJob::Kind::kRead;
      job.fd = file.get();
      job.position = i << 14;
      job.into = memory.data() + (static_cast<size_t>(i) << 14);
      job.length = 1 << 14;
      pool.submit(job);
    }
  }
  // The destructor waited: the memory may go now, and holds everything.
  for (const uint8_t byte : memory) EXPECT_EQ(byte, 9);
}

}  // namespace ringlog::test
