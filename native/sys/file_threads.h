// A few threads for file work that blocks: fdatasync, write-back, cold reads, records of commit journals. Owner: one shard, which submits and takes results;
// the threads touch only the job and the memory it names.

#ifndef RINGLOG_SYS_FILE_THREADS_H
#define RINGLOG_SYS_FILE_THREADS_H

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/unique_fd.h"
#include "sys/commit_write.h"

namespace ringlog {

struct FileJob {
  enum class Kind : uint8_t { kSync, kRead, kColdRead, kCommit, kWriteBack, kVerify, kReadAhead, kTask };

  Kind kind;
  int fd;
  // The submitter's own number.
  int32_t ticket;
  int64_t position;
  uint8_t* into;
  size_t length;
  // Bytes read before this job took over (a short read elsewhere).
  size_t before;
  // kCommit only; it says all that fields above say for other kinds, but the ticket.
  CommitWrite commit;
  // kVerify only: what was asked, then what was found.
  double* cells;
  // Bytes in all (0 for a sync, a verification, a commit or a write-back), or -errno.
  int64_t result;
  // The descriptor bypasses the page cache. A kColdRead's memory, length and position are then whole blocks.
  bool direct;
  // What a kTask runs; its result is the job's.
  int64_t (*task)(const FileJob& job);
};

class FileThreads {
 public:
  // Threads start with the first job. Without any thread, jobs run in submit(), on the shard.
  explicit FileThreads(int threads);
  FileThreads(const FileThreads&) = delete;
  FileThreads& operator=(const FileThreads&) = delete;
  // Waits for every job that was submitted.
  ~FileThreads();

  // Readable (edge-triggered is enough) when results wait.
  int event_fd() const { return event_.get(); }
  void submit(const FileJob& job);
  // Appends finished jobs to `out`.
  void take_results(std::vector<FileJob>* out);
  // Blocks until a result waits. Only while a job is under way.
  void wait_for_result();

 private:
  static void* thread_main(void* self);
  void run();
  void start();

  const int wanted_;
  UniqueFd event_;
  std::vector<pthread_t> threads_;
  bool started_ = false;

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t work_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t done_ = PTHREAD_COND_INITIALIZER;
  bool stopping_ = false;
  std::deque<FileJob> jobs_;
  std::vector<FileJob> results_;
};

}  // namespace ringlog

#endif
