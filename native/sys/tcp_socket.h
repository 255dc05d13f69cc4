// TCP sockets: listening, accepting, naming the peer. The shard's thread; not hot except accept_socket.

#ifndef RINGLOG_SYS_TCP_SOCKET_H
#define RINGLOG_SYS_TCP_SOCKET_H

#include <cstddef>
#include <cstdint>

namespace ringlog {

struct ListenSpec {
  // A numeric IPv4 or IPv6 address; names are looked up by the caller, since that may block.
  const char* address;
  uint16_t port;
  bool reuse_port;
  int backlog;
  int receive_buffer_bytes;
  int send_buffer_bytes;
};

// A non-blocking listening socket, or -errno. `port` gets the port in use.
int listen_socket(const ListenSpec& spec, uint16_t* port);

// The next waiting connection, non-blocking and without Nagle's delay, or -errno (-EAGAIN: none).
int accept_socket(int listener);

// Writes `address:port` (IPv6 in brackets) and returns its length; 0 when the peer is gone.
size_t peer_name(int fd, char* into, size_t capacity);

// The error that made the kernel raise EPOLLERR or EPOLLHUP, as -errno; 0 when there is none.
int socket_error(int fd);

}  // namespace ringlog

#endif
