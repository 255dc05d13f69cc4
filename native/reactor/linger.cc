#include "reactor/linger.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace ringlog {

namespace {

constexpr int64_t kLingerMs = 2000;
constexpr size_t kDiscardBytes = 1024 * 1024;
// A peer that sends faster than this is not waiting for our answer.
constexpr int kDiscards = 64;

// True while the peer may send more.
bool discard(int fd) {
  for (int i = 0; i < kDiscards; i++) {
    // For TCP, MSG_TRUNC drops the bytes without copying them.
    const ssize_t got = recv(fd, nullptr, kDiscardBytes, MSG_TRUNC | MSG_DONTWAIT);
    if (got > 0) continue;
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && errno == EAGAIN;
  }
  return false;
}

}  // namespace

bool LingerSet::add(int epoll, int fd, uint64_t first_event, int64_t now_ms) {
  UniqueFd owned(fd);
  if (shutdown(fd, SHUT_WR) != 0) return false;
  size_t number = 0;
  while (number < sockets_.size() && sockets_[number].fd.valid()) number++;
  if (number == kSockets) return false;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.u64 = first_event + number;
  // Changing the interest raises an edge for what is there already, so nothing is missed before the first discard.
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0 || !discard(fd)) return false;
  if (number == sockets_.size()) sockets_.emplace_back();
  sockets_[number].fd = std::move(owned);
  sockets_[number].until_ms = now_ms + kLingerMs;
  return true;
}

void LingerSet::event(uint32_t number) {
  // An event of the same epoll_wait may be for one just closed.
  if (number >= sockets_.size() || !sockets_[number].fd.valid()) return;
  if (!discard(sockets_[number].fd.get())) sockets_[number].fd.reset();
}

int64_t LingerSet::expire(int64_t now_ms) {
  int64_t next = std::numeric_limits<int64_t>::max();
  for (Socket& socket : sockets_) {
    if (!socket.fd.valid()) continue;
    if (socket.until_ms <= now_ms) socket.fd.reset();
    else next = std::min(next, socket.until_ms);
  }
  return next;
}

}  // namespace ringlog
