// Listeners and new connections. The shard's thread.

#ifndef RINGLOG_REACTOR_ACCEPT_H
#define RINGLOG_REACTOR_ACCEPT_H

#include "reactor/reactor_state.h"
#include "sys/tcp_socket.h"

namespace ringlog {

// What epoll's user data says: a connection's index with its generation above, or one of these.
inline constexpr uint32_t kEventSpecial = 0xff000000u;
inline constexpr uint32_t kEventWake = kEventSpecial + 1;
inline constexpr uint32_t kEventTimer = kEventSpecial + 2;
inline constexpr uint32_t kEventFiles = kEventSpecial + 3;
inline constexpr uint32_t kEventRing = kEventSpecial + 4;
inline constexpr uint32_t kEventCommits = kEventSpecial + 5;
inline constexpr uint32_t kEventHost = kEventSpecial + 6;
inline constexpr uint32_t kEventManaged = kEventSpecial + 7;
inline constexpr uint32_t kEventLinger = kEventSpecial + 0x1000;
inline constexpr uint32_t kEventListener = kEventSpecial + 0x10000;

// The listener's number, or -errno.
int open_listener(ReactorState& state, const ListenSpec& spec, uint16_t* port);
// Accept what waits, within bounds; CONN slots appear in the completion ring.
void accept_ready(ReactorState& state);
// Put listeners that had to wait back into the epoll set.
void resume_listeners(ReactorState& state);
void close_listeners(ReactorState& state);

}  // namespace ringlog

#endif
