#include "reactor/send.h"

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "reactor/cold_read.h"
#include "reactor/connection_close.h"
#include "sys/file_io.h"

namespace ringlog {

namespace {

constexpr int kVectors = 256;
// A file range up to this is read and sent with the bytes around it: copying it costs less than the three calls (is it in
// memory, sendfile, what follows it) that not copying takes.
constexpr size_t kCopyBytes = 16 * 1024;
constexpr size_t kCopyRunBytes = 64 * 1024;

enum class Step {
  kGoOn,
  kWait,    // socket full, or the file's bytes are on their way
  kClosed,  // the connection is gone
};

// The socket took `sent` of `wanted`, or failed. Tells whether to go on.
Step after_send(ReactorState& state, Connection& conn, ssize_t sent, size_t wanted) {
  if (sent < 0) {
    if (errno == EAGAIN) {
      conn.writable = false;
      return Step::kWait;
    }
    close_connection(state, conn, -errno);
    return Step::kClosed;
  }
  // A short send means the buffer is full; the kernel has noted that we wait and will raise an edge.
  if (static_cast<size_t>(sent) < wanted) {
    conn.writable = false;
    return Step::kWait;
  }
  return Step::kGoOn;
}

ssize_t send_vectors(int fd, iovec* vectors, size_t count, bool more) {
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  ssize_t sent;
  do {
    sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
  } while (sent < 0 && errno == EINTR);
  return sent;
}

void finish_item(ReactorState& state, Connection& conn, const SendItem& item) {
  if (item.ticket >= 0) state.cq.push(Cq::SENT, conn.index, conn.generation, 0, item.ticket);
  conn.queue.pop();
}

void sent_of_file(ReactorState& state, SendItem& item, ssize_t sent) {
  item.position += sent;
  item.length -= static_cast<uint64_t>(sent);
  state.send_left -= std::min(state.send_left, static_cast<uint64_t>(sent));
  state.file_bytes_sent += static_cast<uint64_t>(sent);
}

Step pump_memory(ReactorState& state, Connection& conn) {
  SendItem& item = conn.queue.front();
  const size_t length = static_cast<size_t>(item.length);
  iovec vector{const_cast<uint8_t*>(conn.queue.memory()), length};
  const ssize_t sent = send_vectors(conn.fd, &vector, 1, !conn.queue.alone());
  const Step step = after_send(state, conn, sent, length);
  if (step == Step::kClosed || sent < 0) return step;
  conn.queue.consume_memory(static_cast<size_t>(sent));
  state.send_left -= std::min(state.send_left, static_cast<uint64_t>(sent));
  if (item.length == 0) conn.queue.pop();
  return step;
}

// Cold bytes that have been read into the arena.
Step pump_block(ReactorState& state, Connection& conn, SendItem& item) {
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(item.block_length, state.send_left));
  iovec vector{state.arena + item.block + item.block_at, wanted};
  const bool last = item.length == wanted && conn.queue.alone();
  const ssize_t sent = send_vectors(conn.fd, &vector, 1, !last);
  const Step step = after_send(state, conn, sent, wanted);
  if (step == Step::kClosed || sent < 0) return step;
  item.block_at += static_cast<uint32_t>(sent);
  item.block_length -= static_cast<uint32_t>(sent);
  sent_of_file(state, item, sent);
  if (item.block_length == 0) {
    state.pool.drop(item.block);
    item.block = -1;
  }
  return step;
}

Step pump_resident(ReactorState& state, Connection& conn, SendItem& item) {
  const auto resident = static_cast<uint64_t>(item.resident_until - item.position);
  const auto wanted = static_cast<size_t>(std::min({item.length, resident, state.send_left}));
  off_t position = item.position;
  const ssize_t sent = sendfile(conn.fd, item.file, &position, wanted);
  if (sent < 0 && errno == EINTR) return Step::kGoOn;
  if (sent == 0) {
    // The file is shorter than the answer promised: nothing sensible can follow on this connection.
    close_connection(state, conn, -EIO);
    return Step::kClosed;
  }
  if (sent < 0) return after_send(state, conn, sent, wanted);
  // Short without an error says little (a pipe's worth, a page): only EAGAIN says that the socket is full.
  sent_of_file(state, item, sent);
  return Step::kGoOn;
}

// From the arena of managed files. What the socket does not take is looked up again later: nothing is held for it.
Step pump_cached(ReactorState& state, Connection& conn, SendItem& item, const ManagedFile& file) {
  iovec vectors[kVectors];
  const uint64_t length = std::min(item.length, state.send_left);
  const int count = state.managed->gather(file, item.position, length, vectors, kVectors);
  size_t wanted = 0;
  for (int i = 0; i < count; i++) wanted += vectors[i].iov_len;
  if (wanted == 0) {
    // The file is shorter than the answer promised.
    close_connection(state, conn, -EIO);
    return Step::kClosed;
  }
  const bool last = item.length == wanted && conn.queue.alone();
  const ssize_t sent = send_vectors(conn.fd, vectors, static_cast<size_t>(count), !last);
  const Step step = after_send(state, conn, sent, wanted);
  if (step == Step::kClosed || sent < 0) return step;
  sent_of_file(state, item, sent);
  return step;
}

Step pump_file(ReactorState& state, Connection& conn) {
  SendItem& item = conn.queue.front();
  if (item.block >= 0) return pump_block(state, conn, item);
  if (item.cold >= 0) return Step::kWait;
  if (ManagedFile* file = state.managed->find(item.file); file != nullptr) {
    if (item.position >= file->cached_from) return pump_cached(state, conn, item, *file);
    read_managed(state, conn, item, *file);
  } else if (item.position < item.resident_until || find_resident(state, conn, item)) {
    return pump_resident(state, conn, item);
  }
  return item.block >= 0 ? pump_block(state, conn, item) : Step::kWait;
}

// Copy slots from `slot` on into the queue. False when the connection was closed for having too much of it.
bool queue_slots(ReactorState& state, Connection& conn, int32_t slot, size_t skip) {
  for (; slot >= 0; slot = state.sq_next[static_cast<size_t>(slot)]) {
    const int32_t* sq = state.sq + slot * SQ_SLOT_WORDS;
    conn.submit_first = slot;
    const auto length = static_cast<size_t>(sq[SqField::LENGTH]) - skip;
    if (sq[SqField::OP] == Sq::SEND) {
      if (length > 0) conn.queue.push_memory(state.arena + sq[SqField::OFFSET] + skip, length);
      skip = 0;
      if (conn.queue.memory_bytes() > state.options.send_queue_max_bytes) {
        close_connection(state, conn, CloseReason::SEND_QUEUE_FULL);
        return false;
      }
      continue;
    }
    const double* f64 = reinterpret_cast<const double*>(sq);
    conn.queue.push_file(sq[SqField::FILE_FD], static_cast<int64_t>(f64[SqField::POSITION_F64]) + static_cast<int64_t>(skip),
                         length, sq[SqField::TICKET]);
    skip = 0;
    conn.submit_first = state.sq_next[static_cast<size_t>(slot)];
  }
  return true;
}

// A range of a managed file as memory: in place where one chunk has all of it, copied where it is short.
bool managed_memory(const ReactorState& state, const ManagedFile& file, int64_t position, size_t length, uint8_t* room,
                    size_t room_bytes, iovec* vector) {
  if (position < file.cached_from) return false;
  if (state.managed->gather(file, position, length, vector, 1) == 1 && vector->iov_len == length) return true;
  if (length > kCopyBytes || length > room_bytes || state.managed->copy(file, position, room, length) != length) return false;
  *vector = iovec{room, length};
  return true;
}

// The bytes of a slot as memory: a SEND's own, or a short SEND_FILE's, read into `room` if they are in memory.
bool slot_memory(const ReactorState& state, const int32_t* sq, uint8_t* room, size_t room_bytes, iovec* vector) {
  const auto length = static_cast<size_t>(sq[SqField::LENGTH]);
  if (sq[SqField::OP] == Sq::SEND) {
    *vector = iovec{state.arena + sq[SqField::OFFSET], length};
    return true;
  }
  const double* f64 = reinterpret_cast<const double*>(sq);
  const auto position = static_cast<int64_t>(f64[SqField::POSITION_F64]);
  if (const ManagedFile* file = state.managed->find(sq[SqField::FILE_FD]); file != nullptr) {
    return managed_memory(state, *file, position, length, room, room_bytes, vector);
  }
  if (length > kCopyBytes || length > room_bytes) return false;
  const int64_t got = read_now_at(sq[SqField::FILE_FD], room, length, position);
  if (got != static_cast<int64_t>(length)) return false;
  *vector = iovec{room, length};
  return true;
}

// All of the slot's bytes have left.
void finish_slot(ReactorState& state, const Connection& conn, const int32_t* sq) {
  if (sq[SqField::OP] == Sq::SEND_FILE && sq[SqField::TICKET] >= 0) {
    state.cq.push(Cq::SENT, conn.index, conn.generation, 0, sq[SqField::TICKET]);
  }
}

// Send a run of slots that are memory, starting at `slot`; returns the slot to go on with (`slot` itself when it is not
// memory), -1 at the end, -2 when closed or queued.
int32_t send_run(ReactorState& state, Connection& conn, int32_t slot) {
  iovec vectors[kVectors];
  int32_t slots[kVectors];
  uint8_t copies[kCopyRunBytes];
  size_t copied = 0;
  size_t count = 0;
  size_t total = 0;
  int32_t next = slot;
  while (next >= 0 && count < kVectors) {
    const int32_t* sq = state.sq + next * SQ_SLOT_WORDS;
    iovec& vector = vectors[count];
    if (!slot_memory(state, sq, copies + copied, sizeof copies - copied, &vector)) break;
    if (vector.iov_base == copies + copied) copied += vector.iov_len;
    slots[count++] = next;
    total += vector.iov_len;
    next = state.sq_next[static_cast<size_t>(next)];
  }
  if (count == 0) return slot;
  // More follows in this submit: let the kernel put it into the same segments.
  const ssize_t sent = send_vectors(conn.fd, vectors, count, next >= 0);
  const Step step = after_send(state, conn, sent, total);
  if (step == Step::kClosed) return -2;
  if (step == Step::kGoOn) {
    for (size_t i = 0; i < count; i++) finish_slot(state, conn, state.sq + slots[i] * SQ_SLOT_WORDS);
    conn.submit_first = next;
    return next;
  }
  size_t left = sent < 0 ? 0 : static_cast<size_t>(sent);
  size_t at = 0;
  while (left >= vectors[at].iov_len && at + 1 < count) {
    finish_slot(state, conn, state.sq + slots[at] * SQ_SLOT_WORDS);
    left -= vectors[at++].iov_len;
  }
  queue_slots(state, conn, slots[at], left);
  return -2;
}

// The kernel takes bytes while fewer than twice SO_SNDBUF are queued. An answer a little longer than that waits for its
// reader and is woken up for its last bytes, each time: a fifth of its CPU time on loopback (256 KiB answers, 100 KiB buffer).
// So it gets the room. Longer ones wait anyhow, and cost up to twice as much through a larger buffer.
void make_room(ReactorState& state, Connection& conn, int32_t slot) {
  const auto bytes = static_cast<uint64_t>(std::max(0, state.options.send_buffer_bytes));
  const uint64_t roomy_bytes = bytes * 8 / 5;
  uint64_t total = 0;
  for (; slot >= 0; slot = state.sq_next[static_cast<size_t>(slot)]) {
    total += static_cast<uint64_t>(state.sq[slot * SQ_SLOT_WORDS + SqField::LENGTH]);
  }
  if (total <= 2 * bytes || bytes == 0) return;
  const bool roomy = total <= 2 * roomy_bytes;
  if (roomy == conn.roomy) return;
  conn.roomy = roomy;
  const int value = static_cast<int>(roomy ? roomy_bytes : bytes);
  // Refused, it is as it was: slower.
  setsockopt(conn.fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value);
}

}  // namespace

void send_submitted(ReactorState& state, Connection& conn) {
  int32_t slot = conn.submit_first;
  if (!conn.queue.empty() || !conn.writable) {
    if (slot >= 0 && !queue_slots(state, conn, slot, 0)) return;
    conn.submit_first = conn.submit_last = -1;
    return;
  }
  while (slot >= 0) {
    conn.submit_first = slot;
    const int32_t next = send_run(state, conn, slot);
    if (next != slot) {
      slot = next;
      continue;
    }
    make_room(state, conn, slot);
    const int32_t* sq = state.sq + slot * SQ_SLOT_WORDS;
    const double* f64 = reinterpret_cast<const double*>(sq);
    conn.submit_first = state.sq_next[static_cast<size_t>(slot)];
    conn.queue.push_file(sq[SqField::FILE_FD], static_cast<int64_t>(f64[SqField::POSITION_F64]),
                         static_cast<uint64_t>(sq[SqField::LENGTH]), sq[SqField::TICKET]);
    slot = conn.submit_first;
    pump(state, conn);
    if (!conn.open()) return;
    if (!conn.queue.empty()) {
      if (slot >= 0 && !queue_slots(state, conn, slot, 0)) return;
      break;
    }
  }
  if (!conn.open()) return;
  conn.submit_first = conn.submit_last = -1;
  if (conn.close_after && conn.queue.empty()) finish_connection(state, conn);
}

void pump(ReactorState& state, Connection& conn) {
  while (conn.writable && !conn.queue.empty()) {
    SendItem& item = conn.queue.front();
    if (item.file >= 0 && item.length > 0 && state.send_left == 0) {
      state.want_write(conn);
      return;
    }
    if (item.file >= 0 && item.length == 0) {
      finish_item(state, conn, item);
      continue;
    }
    const Step step = item.file < 0 ? pump_memory(state, conn) : pump_file(state, conn);
    if (step == Step::kClosed) return;
    if (step == Step::kWait) break;
  }
  if (!conn.queue.empty()) {
    SendItem& item = conn.queue.front();
    if (item.file >= 0 && item.length == 0) finish_item(state, conn, item);
  }
  if (!conn.queue.empty()) return;
  if (conn.close_after && conn.submit_first < 0) {
    finish_connection(state, conn);
    return;
  }
  if (conn.may_read() && conn.wants_read()) state.want_read(conn);
}

void send_ready(ReactorState& state) {
  state.write_now.swap(state.write_list);
  for (const int32_t index : state.write_now) {
    Connection& conn = state.connections.at(index);
    conn.in_write_list = false;
    if (conn.open() && !conn.queue.empty()) pump(state, conn);
  }
  state.write_now.clear();
}

}  // namespace ringlog
