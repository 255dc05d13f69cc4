// Sockets, frames and their order. One owner; hot.

#include "connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "clock.h"
#include "failure.h"

namespace load {

namespace {

constexpr std::string_view kClientId = "ringlog-load";
constexpr int kConnectMs = 30'000;
constexpr size_t kInBytes = 256 << 10;
constexpr size_t kAnswerBytesMax = 1u << 30;
constexpr size_t kPieces = 256;

std::string name_of(const Address& address) { return address.host + ":" + std::to_string(address.port); }

int try_connect(const addrinfo& info) {
  const int fd = socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int error = connect(fd, info.ai_addr, info.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    socklen_t length = sizeof error;
    if (poll(&wait, 1, kConnectMs) != 1) error = ETIMEDOUT;
    else getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  }
  if (error == 0) return fd;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

Connection::Connection(EventLoop& loop, const Address& address, Events events)
    : loop_(loop), address_(address), events_(std::move(events)), in_(kInBytes) {
  addrinfo hints{};
  addrinfo* found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0)
    throw Failure("cannot resolve " + address.host);
  for (const addrinfo* each = found; each != nullptr && fd_ < 0; each = each->ai_next) fd_ = try_connect(*each);
  freeaddrinfo(found);
  if (fd_ < 0) throw Failure("cannot reach " + name_of(address) + ": " + strerror(errno));
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  loop_.add(fd_, this);
}

Connection::~Connection() {
  if (fd_ >= 0) close(fd_);
}

std::string Connection::begin_frame(ApiKey api, int version, bool flexible) {
  std::string frame;
  Writer writer(frame);
  writer.i32(0);
  writer.i16(static_cast<int>(api));
  writer.i16(version);
  last_id_ = (last_id_ + 1) & 0x7fffffff;
  writer.i32(last_id_);
  writer.plain_string(kClientId);
  if (flexible) writer.no_tags();
  return frame;
}

void Connection::end_frame(std::string& frame, size_t body_bytes) {
  put32(&frame[0], static_cast<uint32_t>(frame.size() - 4 + body_bytes));
}

void Connection::queue(const char* bytes, size_t length) {
  out_.push_back({const_cast<char*>(bytes), length});
  queued_ += length;
}

void Connection::send(std::string frame) {
  end_frame(frame);
  kept_.emplace_back(queued_ + frame.size(), std::move(frame));
  const std::string& kept = kept_.back().second;
  queue(kept.data(), kept.size());
  expect_answer();
  flush();
}

void Connection::flush() {
  while (!lost_ && out_head_ < out_.size()) {
    msghdr message{};
    message.msg_iov = &out_[out_head_];
    message.msg_iovlen = std::min(kPieces, out_.size() - out_head_);
    const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return lose(std::string("cannot send: ") + strerror(errno));
    written_ += static_cast<uint64_t>(sent);
    for (auto left = static_cast<size_t>(sent); left > 0;) {
      iovec& piece = out_[out_head_];
      const size_t taken = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
      piece.iov_len -= taken;
      left -= taken;
      if (piece.iov_len == 0) out_head_++;
    }
  }
  if (out_head_ == out_.size() || out_head_ > kPieces) {
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(out_head_));
    out_head_ = 0;
  }
  while (!kept_.empty() && kept_.front().first <= written_) kept_.pop_front();
  const bool writing = !out_.empty();
  if (writing == writing_ || lost_) return;
  writing_ = writing;
  loop_.want_write(fd_, this, writing);
}

void Connection::on_ready(uint32_t events) {
  if (lost_) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
  if (!lost_ && (events & EPOLLOUT) != 0) flush();
}

void Connection::receive() {
  if (in_used_ > 0) {
    std::copy(in_.begin() + static_cast<ptrdiff_t>(in_used_), in_.begin() + static_cast<ptrdiff_t>(in_have_), in_.begin());
    in_have_ -= in_used_;
    in_used_ = 0;
  }
  if (in_have_ >= 4) {
    const size_t whole = size_t{get32(in_.data())} + 4;
    if (whole > kAnswerBytesMax) return lose("an answer of " + std::to_string(whole) + " bytes");
    if (in_.size() < whole) in_.resize(whole);
  }
  const ssize_t got = recv(fd_, &in_[in_have_], in_.size() - in_have_, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got == 0) return lose("closed the connection");
  if (got < 0) return lose(strerror(errno));
  in_have_ += static_cast<size_t>(got);
  take_answers();
}

void Connection::take_answers() {
  const int64_t now = now_ns();
  while (!lost_ && in_have_ - in_used_ >= 4) {
    const size_t length = get32(&in_[in_used_]);
    if (in_have_ - in_used_ < length + 4) return;
    Reader answer(&in_[in_used_ + 4], length);
    in_used_ += length + 4;
    const int32_t id = answer.i32();
    if (answer.bad || expected_.empty() || expected_.front() != id) return lose("answered out of order");
    expected_.pop_front();
    events_.on_answer(answer, now);
  }
}

void Connection::lose(const std::string& why) {
  if (lost_) return;
  lost_ = true;
  loop_.remove(fd_);
  out_.clear();
  out_head_ = 0;
  events_.on_lost(name_of(address_) + ": " + why);
}

}  // namespace load
