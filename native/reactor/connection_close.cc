#include "reactor/connection_close.h"

#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "reactor/accept.h"

namespace ringlog {

namespace {

// All but the descriptor.
void let_go(ReactorState& state, Connection& conn, int32_t result) {
  if (conn.block >= 0) state.pool.drop(conn.block);
  conn.block = -1;

  while (!conn.queue.empty()) {
    const SendItem& item = conn.queue.front();
    if (item.block >= 0) state.pool.drop(item.block);
    if (item.cold >= 0) {
      ColdRead& cold = state.cold_reads[static_cast<size_t>(item.cold)];
      cold.conn = -1;
      cold.orphan_ticket = item.ticket;
    } else if (item.ticket >= 0) {
      state.cq.push(Cq::SENT, conn.index, conn.generation, -ECONNRESET, item.ticket);
    }
    conn.queue.pop();
  }
  conn.queue.reset();

  for (int32_t slot = conn.submit_first; slot >= 0; slot = state.sq_next[static_cast<size_t>(slot)]) {
    const int32_t* sq = state.sq + slot * SQ_SLOT_WORDS;
    if (sq[SqField::OP] == Sq::SEND_FILE && sq[SqField::TICKET] >= 0) {
      state.cq.push(Cq::SENT, conn.index, conn.generation, -ECONNRESET, sq[SqField::TICKET]);
    }
  }
  conn.submit_first = conn.submit_last = -1;

  state.cq.push(Cq::CLOSED, conn.index, conn.generation, result, -1);
  state.connections.remove(conn);
  // A listener that waits for room looks again.
  if (state.accept_paused) state.keep_house_at(state.now_ms);
}

}  // namespace

void close_connection(ReactorState& state, Connection& conn, int32_t result) {
  RINGLOG_CHECK_OP(conn.fd, >=, 0);
  // Closing takes the descriptor out of the epoll set: it has no duplicate.
  ::close(conn.fd);
  let_go(state, conn, result);
}

void finish_connection(ReactorState& state, Connection& conn) {
  RINGLOG_CHECK_OP(conn.fd, >=, 0);
  if (state.lingers.add(state.epoll.get(), conn.fd, kEventLinger, state.now_ms)) {
    state.keep_house_at(state.lingers.expire(state.now_ms));
  }
  let_go(state, conn, 0);
}

}  // namespace ringlog
