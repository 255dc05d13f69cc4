#include "sys/tcp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/unique_fd.h"

namespace ringlog {

namespace {

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

// Fills `storage` from numeric text; returns its size, 0 when the text is no address.
socklen_t parse_address(const char* text, uint16_t port, sockaddr_storage* storage) {
  std::memset(storage, 0, sizeof *storage);
  auto* v4 = reinterpret_cast<sockaddr_in*>(storage);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(storage);
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
  }
  return 0;
}

uint16_t port_of(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

int listen_socket(const ListenSpec& spec, uint16_t* port) {
  sockaddr_storage address;
  const socklen_t size = parse_address(spec.address, spec.port, &address);
  if (size == 0) return -EINVAL;
  UniqueFd fd(socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return -errno;
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (spec.reuse_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.ss_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  // Accepted sockets inherit these; buffer sizes must be set before listen() to count in the window scale.
  set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  if (spec.receive_buffer_bytes > 0) set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, spec.receive_buffer_bytes);
  if (spec.send_buffer_bytes > 0) set_option(fd.get(), SOL_SOCKET, SO_SNDBUF, spec.send_buffer_bytes);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return -errno;
  if (listen(fd.get(), spec.backlog) != 0) return -errno;
  sockaddr_storage bound;
  socklen_t bound_size = sizeof bound;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &bound_size) != 0) return -errno;
  *port = port_of(bound);
  return fd.release();
}

int accept_socket(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return -errno;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  return fd;
}

size_t peer_name(int fd, char* into, size_t capacity) {
  sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  char text[INET6_ADDRSTRLEN] = "";
  const char* format = "%s:%u";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else {
    const auto& v6 = reinterpret_cast<sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6, text, sizeof text);
      format = "[%s]:%u";
    }
  }
  const int length = std::snprintf(into, capacity, format, text, static_cast<unsigned>(port_of(address)));
  return length < 0 ? 0 : static_cast<size_t>(length) < capacity ? static_cast<size_t>(length) : capacity - 1;
}

int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
  return -error;
}

}  // namespace ringlog
