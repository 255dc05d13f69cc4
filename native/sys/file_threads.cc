#include "sys/file_threads.h"

#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "sys/direct_file.h"
#include "sys/file_io.h"
#include "sys/verify_range.h"
#include "sys/wake_event.h"

namespace ringlog {

namespace {

// The cells are described in tick-layout.ts (VerifyCell).
int64_t verify(int fd, double* cells) {
  const auto whole = [&](int cell) { return static_cast<int64_t>(cells[cell]); };
  Verified found;
  const int failed = verify_range({fd, whole(0), whole(1), whole(2), whole(3), whole(4)}, &found);
  cells[5] = static_cast<double>(found.status);
  cells[6] = static_cast<double>(found.good_bytes);
  cells[7] = static_cast<double>(found.next_offset);
  cells[8] = static_cast<double>(found.needed_bytes);
  return failed;
}

int64_t execute(const FileJob& job) {
  switch (job.kind) {
    case FileJob::Kind::kSync:
      return sync_data(job.fd);
    case FileJob::Kind::kRead:
    case FileJob::Kind::kReadAhead:
    case FileJob::Kind::kColdRead: {
      if (job.direct && job.kind != FileJob::Kind::kRead) return read_blocks_at(job.fd, job.into, job.length, job.position);
      const int64_t got = job.direct ? read_direct_at(job.fd, job.into, job.length, job.position)
                                     : read_fully_at(job.fd, job.into, job.length, job.position, true);
      return got < 0 ? got : got + static_cast<int64_t>(job.before);
    }
    case FileJob::Kind::kWriteBack:
      return write_back(job.fd, job.position, static_cast<int64_t>(job.length));
    case FileJob::Kind::kVerify:
      return verify(job.fd, job.cells);
    case FileJob::Kind::kCommit:
      return write_commit(job.commit);
    case FileJob::Kind::kTask:
      return job.task(job);
  }
  return 0;
}

}  // namespace

FileThreads::FileThreads(int threads) : wanted_(threads), event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

FileThreads::~FileThreads() {
  pthread_mutex_lock(&mutex_);
  stopping_ = true;
  pthread_cond_broadcast(&work_);
  pthread_mutex_unlock(&mutex_);
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
}

void FileThreads::start() {
  started_ = true;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = 0; i < wanted_; i++) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, thread_main, this) == 0) threads_.push_back(thread);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void FileThreads::submit(const FileJob& job) {
  if (!started_) start();
  if (threads_.empty()) {
    FileJob done = job;
    done.result = execute(job);
    pthread_mutex_lock(&mutex_);
    results_.push_back(done);
    pthread_mutex_unlock(&mutex_);
    signal_event(event_.get());
    return;
  }
  pthread_mutex_lock(&mutex_);
  jobs_.push_back(job);
  pthread_mutex_unlock(&mutex_);
  // Without the mutex, here and below: who is woken would only go to sleep again on it.
  pthread_cond_signal(&work_);
}

void FileThreads::take_results(std::vector<FileJob>* out) {
  pthread_mutex_lock(&mutex_);
  out->insert(out->end(), results_.begin(), results_.end());
  results_.clear();
  pthread_mutex_unlock(&mutex_);
}

void FileThreads::wait_for_result() {
  pthread_mutex_lock(&mutex_);
  while (results_.empty()) pthread_cond_wait(&done_, &mutex_);
  pthread_mutex_unlock(&mutex_);
}

void* FileThreads::thread_main(void* self) {
  pthread_setname_np(pthread_self(), "ringlog-file");
  // A thread inherits its creator's mask, and a shard is pinned to one core: take the main thread's mask instead, so
  // that file work goes to the cores nobody is pinned to.
  cpu_set_t set;
  if (sched_getaffinity(getpid(), sizeof set, &set) == 0) sched_setaffinity(0, sizeof set, &set);
  static_cast<FileThreads*>(self)->run();
  return nullptr;
}

void FileThreads::run() {
  pthread_mutex_lock(&mutex_);
  for (;;) {
    if (jobs_.empty()) {
      if (stopping_) break;
      pthread_cond_wait(&work_, &mutex_);
      continue;
    }
    FileJob job = jobs_.front();
    jobs_.pop_front();
    pthread_mutex_unlock(&mutex_);
    job.result = execute(job);
    pthread_mutex_lock(&mutex_);
    const bool first = results_.empty();
    results_.push_back(job);
    // One signal a batch: the shard takes everything that is there.
    if (!first) continue;
    pthread_mutex_unlock(&mutex_);
    signal_event(event_.get());
    pthread_cond_signal(&done_);
    pthread_mutex_lock(&mutex_);
  }
  pthread_mutex_unlock(&mutex_);
}

}  // namespace ringlog
