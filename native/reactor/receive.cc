#include "reactor/receive.h"

#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "reactor/connection_close.h"
#include "reactor/produce_walker.h"

namespace ringlog {

namespace {

constexpr uint32_t kMostReceiveBytes = 512 * 1024;
// A connection that has sent whole frames of this size gets blocks to hold one without growing.
constexpr uint32_t kMostProvenBytes = 4 * 1024 * 1024;
// A partial frame this small moves to a small block, so that idle connections hold little.
constexpr uint32_t kParkedBytes = 4096;
// Bytes received in one tick, over all connections: what is beyond waits for the next, so that answers, timers and other
// threads are not kept waiting by a wall of large requests.
constexpr size_t kBytesPerTick = 4 * 1024 * 1024;
constexpr uint8_t kSmallReceives = 16;

constexpr uint32_t kRequestHeaderBytes = 8;  // api key, version, correlation id
constexpr int16_t kProduce = 0;
constexpr int16_t kProduceFirst = 3;
constexpr int16_t kProduceLast = 13;

enum class Cut {
  kNeedBytes,  // everything whole is cut
  kNoRoom,     // rings are full: again next tick
  kClosed,
};

// Bytes of the frame at `start` with its length field; 0 when the length itself is incomplete.
uint32_t frame_total(const ReactorState& state, const Connection& conn) {
  if (conn.have - conn.start < 4) return 0;
  return load_be32(state.arena + conn.block + conn.start) + 4;
}

// False when descriptors ran out and the frame must wait for the next tick.
bool walk_frame(ReactorState& state, int32_t* slot, uint32_t offset, uint32_t length) {
  const int32_t first = state.desc_count();
  walk_produce(state.arena, offset, length, slot, state.desc, static_cast<uint32_t>(first), kDescCapacity);
  // With an empty table there is no use in waiting: the frame is delivered as it is.
  if (slot[Frame::STATUS] == FrameStatus::TOO_MANY_PARTITIONS && first > 0) return false;
  state.desc_count() += slot[Frame::DESC_COUNT];
  return true;
}

bool write_frame(ReactorState& state, const Connection& conn, uint32_t offset, uint32_t length) {
  int32_t* slot = state.cq.frame_slot();
  const uint8_t* at = state.arena + offset;
  slot[Frame::OP] = Cq::FRAME;
  slot[Frame::CONN] = conn.index;
  slot[Frame::GENERATION] = conn.generation;
  slot[Frame::STATUS] = FrameStatus::OK;
  slot[Frame::OFFSET] = static_cast<int32_t>(offset);
  slot[Frame::LENGTH] = static_cast<int32_t>(length);
  slot[Frame::BLOCK] = conn.block;
  slot[Frame::DESC_COUNT] = 0;
  if (length < kRequestHeaderBytes) {
    slot[Frame::STATUS] = FrameStatus::MALFORMED;
    slot[Frame::API_KEY] = slot[Frame::API_VERSION] = slot[Frame::CORRELATION_ID] = -1;
    state.cq.commit_frame();
    return true;
  }
  const auto key = static_cast<int16_t>(load_be16(at));
  const auto version = static_cast<int16_t>(load_be16(at + 2));
  slot[Frame::API_KEY] = key;
  slot[Frame::API_VERSION] = version;
  slot[Frame::CORRELATION_ID] = static_cast<int32_t>(load_be32(at + 4));
  if (key == kProduce && version >= kProduceFirst && version <= kProduceLast && !walk_frame(state, slot, offset, length)) {
    return false;
  }
  state.cq.commit_frame();
  return true;
}

Cut cut_frames(ReactorState& state, Connection& conn) {
  conn.uncut = false;
  while (conn.have - conn.start >= 4) {
    const auto announced = static_cast<int32_t>(load_be32(state.arena + conn.block + conn.start));
    if (announced < 0 || static_cast<uint32_t>(announced) > state.options.request_max_bytes) {
      close_connection(state, conn, announced < 0 ? CloseReason::FRAME_NEGATIVE : CloseReason::FRAME_TOO_LARGE);
      return Cut::kClosed;
    }
    const auto length = static_cast<uint32_t>(announced);
    if (conn.have - conn.start - 4 < length) return Cut::kNeedBytes;
    const uint32_t offset = static_cast<uint32_t>(conn.block) + conn.start + 4;
    if (!state.cq.room_for_frame() || !write_frame(state, conn, offset, length)) {
      conn.uncut = true;
      return Cut::kNoRoom;
    }
    conn.start += 4 + length;
    if (length >= conn.receive_bytes) {
      conn.receive_bytes = std::max(conn.receive_bytes, std::min(kMostProvenBytes, std::bit_ceil(length + 4)));
    }
  }
  return Cut::kNeedBytes;
}

// Move the partial frame to the start of a block of at least `bytes`. False when the arena has none.
bool move_partial(ReactorState& state, Connection& conn, uint32_t bytes) {
  const int32_t block = state.pool.take(bytes);
  if (block < 0) return false;
  std::memcpy(state.arena + block, state.arena + conn.block + conn.start, conn.have - conn.start);
  state.pool.drop(conn.block);
  conn.block = block;
  conn.have -= conn.start;
  conn.start = 0;
  return true;
}

// A block with room for bytes; false when the arena is at its bound.
bool make_room(ReactorState& state, Connection& conn) {
  if (conn.block < 0) {
    conn.block = state.pool.take(conn.receive_bytes);
    // Under pressure a small block is better than none.
    if (conn.block < 0) conn.block = state.pool.take(BlockPool::kPageBytes);
    conn.start = conn.have = 0;
    return conn.block >= 0;
  }
  const uint32_t size = state.pool.size_of(conn.block);
  const uint32_t total = frame_total(state, conn);
  const uint32_t partial = conn.have - conn.start;
  // The announced length is not trusted for memory: a block at most doubles, once what arrived has filled it.
  if (size == conn.have && conn.start == 0) {
    return move_partial(state, conn, std::max(size * 2, std::min(conn.receive_bytes, std::bit_ceil(total))));
  }
  if (partial <= kParkedBytes && size < conn.receive_bytes && move_partial(state, conn, conn.receive_bytes)) return true;
  if (conn.start > 0 && (size == conn.have || conn.start + total > size)) {
    if (state.pool.shared(conn.block)) return move_partial(state, conn, std::max(size, conn.receive_bytes)) || size > conn.have;
    std::memmove(state.arena + conn.block, state.arena + conn.block + conn.start, partial);
    conn.have = partial;
    conn.start = 0;
  }
  return true;
}

void adapt(Connection& conn, bool filled) {
  if (filled) {
    conn.small_receives = 0;
    if (conn.receive_bytes < kMostReceiveBytes) conn.receive_bytes *= 2;
  } else if (conn.receive_bytes > kFirstReceiveBytes && conn.have < conn.receive_bytes / 4) {
    if (++conn.small_receives < kSmallReceives) return;
    conn.small_receives = 0;
    conn.receive_bytes /= 2;
  } else {
    conn.small_receives = 0;
  }
}

void touch(ReactorState& state, Connection& conn) {
  if (conn.in_tick_list) return;
  conn.in_tick_list = true;
  state.tick_list.push_back(conn.index);
}

// True to keep the connection in the read list.
bool receive_once(ReactorState& state, Connection& conn) {
  if (conn.uncut) {
    touch(state, conn);
    const Cut cut = cut_frames(state, conn);
    if (cut != Cut::kNeedBytes) return cut == Cut::kNoRoom;
    // Its block holds frames of this tick: receive into a settled block, next tick.
    return conn.readable;
  }
  if (!conn.readable) return false;
  if (!make_room(state, conn)) {
    if (!state.starved) state.starved_since_ms = state.now_ms;
    state.starved = true;
    return true;
  }
  const uint32_t room = state.pool.size_of(conn.block) - conn.have;
  ssize_t got;
  do {
    got = recv(conn.fd, state.arena + conn.block + conn.have, room, 0);
  } while (got < 0 && errno == EINTR);
  touch(state, conn);
  if (got <= 0) {
    if (got < 0 && errno == EAGAIN) {
      conn.readable = conn.peer_shut;
      return conn.readable;
    }
    close_connection(state, conn, got == 0 ? 0 : -errno);
    return false;
  }
  conn.have += static_cast<uint32_t>(got);
  state.tick_bytes += static_cast<size_t>(got);
  const bool filled = static_cast<uint32_t>(got) == room;
  adapt(conn, filled && room >= conn.receive_bytes / 2);
  // Fewer bytes than asked for: the socket is empty, and what comes later makes a new edge. After the peer's end there
  // is none, so go on until the end shows.
  conn.readable = filled || conn.peer_shut;
  const Cut cut = cut_frames(state, conn);
  if (cut == Cut::kClosed) return false;
  return conn.readable || conn.uncut;
}

}  // namespace

void receive_ready(ReactorState& state) {
  state.read_now.swap(state.read_list);
  state.tick_bytes = 0;
  size_t done = 0;
  for (; done < state.read_now.size(); done++) {
    if (!state.cq.room_for_frame() || state.starved || state.tick_bytes >= kBytesPerTick) break;
    Connection& conn = state.connections.at(state.read_now[done]);
    conn.in_read_list = false;
    // When its queue has drained or READING resumes it, it comes back by want_read().
    if (!conn.may_read()) continue;
    if (receive_once(state, conn)) state.want_read(conn);
  }
  // Those that found no room come first next time: before the ones that were served now.
  if (done < state.read_now.size()) {
    state.read_list.insert(state.read_list.begin(), state.read_now.begin() + static_cast<std::ptrdiff_t>(done),
                           state.read_now.end());
  }
  state.read_now.clear();
}

void settle_blocks(ReactorState& state) {
  for (const int32_t index : state.tick_list) {
    Connection& conn = state.connections.at(index);
    conn.in_tick_list = false;
    if (!conn.open() || conn.block < 0) continue;
    const uint32_t partial = conn.have - conn.start;
    if (partial == 0) {
      state.pool.drop(conn.block);
      conn.block = -1;
      conn.start = conn.have = 0;
      continue;
    }
    const uint32_t size = state.pool.size_of(conn.block);
    if (partial <= kParkedBytes && size > BlockPool::kPageBytes) {
      if (move_partial(state, conn, BlockPool::kPageBytes)) continue;
    } else if (state.pool.shared(conn.block)) {
      // Retained: its bytes must stay as they are, and receiving into it would pin it for as long as frames come.
      if (move_partial(state, conn, std::max(conn.receive_bytes, partial))) continue;
    }
    // Otherwise the bytes stay where they are. Beyond `have` nobody looks, so receiving there harms no retained frame;
    // make_room() moves them only when the frame does not fit, and never inside a retained block.
  }
  state.tick_list.clear();
}

}  // namespace ringlog
