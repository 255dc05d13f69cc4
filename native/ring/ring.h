// IoUring: reads and writes of files by io_uring, with raw system calls. One thread opens, submits, reaps and drains: the
// shard's.
// Hot: nothing is allocated after open().
//
// That the kernel or a container refuses io_uring is a state, not an error: open() says why, and everything else is safe
// to call and does nothing.

#ifndef RINGLOG_RING_RING_H
#define RINGLOG_RING_RING_H

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "ring/abi.h"

namespace ringlog {

class IoUring {
 public:
  struct Completion {
    uint64_t user_data;
    int32_t result;  // bytes or -errno
  };

  IoUring() = default;
  IoUring(const IoUring&) = delete;
  IoUring& operator=(const IoUring&) = delete;
  // Closes, and so waits for work in flight.
  ~IoUring();

  // Makes a ring of `entries` submissions (a power of two; the kernel rounds up). `max_workers` bounds the kernel threads
  // for reads that cannot be done asynchronously; 0 leaves the kernel's bound. 0 or -errno.
  int open(uint32_t entries, uint32_t max_workers);

  bool is_open() const { return ring_fd_.valid(); }

  // Queues a read; it starts with the next submit(). False when the ring is full (submit and reap first) or not open.
  // `into` must stay mapped until the completion is reaped. `rw_flags` are preadv2's (RWF_DONTCACHE, RWF_NOWAIT, …).
  bool read(int fd, void* into, uint32_t length, uint64_t position, uint32_t rw_flags, uint64_t user_data);

  // The same for a write of `count` vectors, which must stay until submit() has taken it; the memory, until it is reaped.
  bool write(int fd, const void* vectors, uint32_t count, uint64_t position, uint64_t user_data);

  // Hands what is queued to the kernel: how many it took, or -errno. -EAGAIN and -EBUSY mean later; it stays queued.
  int submit();
  // What the kernel has not taken yet: submit() again.
  uint32_t queued() const;

  // Takes up to `capacity` completions; call until 0. Never blocks.
  uint32_t reap(Completion* into, uint32_t capacity);

  // For epoll, edge-triggered (EPOLLIN | EPOLLET) and never read: after an edge, reap() until it returns 0. An eventfd and
  // not the ring itself: with deferred completions a ring's descriptor reports readiness but does not wake a sleeper
  // (seen on kernel 6.18: epoll_wait slept out its timeout and then reported it readable).
  int poll_fd() const { return event_fd_.get(); }
  // For io_uring_register.
  int ring_fd() const { return ring_fd_.get(); }

  // Queued and submitted work whose completions were not reaped.
  uint32_t in_flight() const { return in_flight_; }

  // Submits, then blocks until a completion can be reaped; may return early. Only while something is in flight. 0 or -errno.
  int wait();

  // Waits until nothing is in flight and drops the completions: before the memory is unmapped. 0 or -errno.
  int drain();

  // Drains, then gives everything back. Closing the descriptor alone would not do: the kernel tears a ring down later,
  // and until then it still uses the memory.
  void close();

  // What open() got: io_uring_setup flags and kernel features.
  uint32_t setup_flags() const { return setup_flags_; }
  uint32_t features() const { return features_; }

 private:
  uring::Sqe* next_entry();
  int prepare(const uring::Params& params);
  int map(const uring::Params& params);
  void unmap();
  int enter(uint32_t to_submit, uint32_t min_complete, uint32_t flags);
  uint32_t kernel_flags() const;

  UniqueFd ring_fd_;
  UniqueFd event_fd_;
  void* rings_ = nullptr;
  size_t rings_bytes_ = 0;
  uring::Sqe* sqes_ = nullptr;
  size_t sqes_bytes_ = 0;

  uint32_t* sq_head_ = nullptr;
  uint32_t* sq_tail_ = nullptr;
  uint32_t* sq_flags_ = nullptr;
  uint32_t* cq_head_ = nullptr;
  uint32_t* cq_tail_ = nullptr;
  const uring::Cqe* cqes_ = nullptr;
  uint32_t sq_entries_ = 0;
  uint32_t cq_entries_ = 0;

  uint32_t tail_ = 0;       // our own copy of the submission tail; published by submit()
  uint32_t in_flight_ = 0;
  uint32_t setup_flags_ = 0;
  uint32_t features_ = 0;
};

}  // namespace ringlog

#endif
