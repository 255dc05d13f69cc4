// Connections by small index. A generation tells one user of an index from the next: a submission or a kernel event
// for an earlier one finds nothing. The shard's thread; hot.

#ifndef RINGLOG_REACTOR_CONNECTION_TABLE_H
#define RINGLOG_REACTOR_CONNECTION_TABLE_H

#include <cstdint>
#include <memory>
#include <vector>

#include "reactor/send_queue.h"

namespace ringlog {

inline constexpr uint32_t kFirstReceiveBytes = 64 * 1024;

struct Connection {
  int fd = -1;
  int32_t index = 0;
  int32_t generation = 0;

  // Receiving: [start, have) of `block` are bytes not yet cut into frames. No block while there are none.
  int32_t block = -1;
  uint32_t start = 0;
  uint32_t have = 0;
  uint32_t receive_bytes = kFirstReceiveBytes;
  uint8_t small_receives = 0;
  // The socket may hold bytes (edge-triggered: true until a receive finds it empty).
  bool readable = false;
  // The peer has finished sending, or the socket failed: receive until that shows.
  bool peer_shut = false;
  // The block may hold whole frames that found no room in the rings.
  bool uncut = false;
  // READING paused it.
  bool paused = false;
  bool in_read_list = false;
  bool in_tick_list = false;

  // Sending.
  SendQueue queue;
  bool writable = true;
  bool in_write_list = false;
  bool close_after = false;
  // The send buffer has been made large enough for answers that nearly fit (send.cc).
  bool roomy = false;
  // This submit's slots for the connection, linked in order.
  int32_t submit_first = -1;
  int32_t submit_last = -1;

  bool open() const { return fd >= 0; }
  // Reading waits for the queue: a peer that does not take its answers sends no further requests.
  bool may_read() const { return open() && !paused && !close_after && queue.empty(); }
  bool wants_read() const { return readable || uncut; }
};

class ConnectionTable {
 public:
  explicit ConnectionTable(uint32_t capacity) : capacity_(capacity) {}

  uint32_t open_count() const { return open_; }
  bool full() const { return open_ >= capacity_; }
  uint32_t slots() const { return slots_; }
  Connection& at(int32_t index) { return chunks_[static_cast<uint32_t>(index) / kChunk][static_cast<uint32_t>(index) % kChunk]; }

  // Null when the connection is gone.
  Connection* find(int32_t index, int32_t generation) {
    if (index < 0 || static_cast<uint32_t>(index) >= slots_) return nullptr;
    Connection& conn = at(index);
    return conn.open() && conn.generation == generation ? &conn : nullptr;
  }

  Connection& add(int fd) {
    if (free_.empty()) {
      if (slots_ % kChunk == 0) chunks_.push_back(std::make_unique<Connection[]>(kChunk));
      at(static_cast<int32_t>(slots_)).index = static_cast<int32_t>(slots_);
      free_.push_back(static_cast<int32_t>(slots_++));
    }
    Connection& conn = at(free_.back());
    free_.pop_back();
    conn.fd = fd;
    conn.generation = conn.generation == INT32_MAX ? 1 : conn.generation + 1;
    open_++;
    return conn;
  }

  // The caller has closed the descriptor and let go of block and queue. The index is used again from the next tick on.
  void remove(Connection& conn) {
    conn.fd = -1;
    conn.start = conn.have = 0;
    conn.receive_bytes = kFirstReceiveBytes;
    conn.small_receives = 0;
    conn.readable = conn.peer_shut = conn.uncut = conn.paused = conn.close_after = conn.roomy = false;
    conn.writable = true;
    open_--;
    gone_.push_back(conn.index);
  }

  void recycle() {
    if (gone_.empty()) return;
    free_.insert(free_.end(), gone_.begin(), gone_.end());
    gone_.clear();
  }

 private:
  static constexpr uint32_t kChunk = 256;

  const uint32_t capacity_;
  uint32_t slots_ = 0;
  uint32_t open_ = 0;
  std::vector<std::unique_ptr<Connection[]>> chunks_;
  std::vector<int32_t> free_;
  std::vector<int32_t> gone_;
};

}  // namespace ringlog

#endif
