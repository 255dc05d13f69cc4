// null-broker: takes Produce and acknowledges it with the least work there is, so that what a load worker can do at most is
// measured and not a broker. One thread, one epoll set. It keeps nothing and answers nothing else.
//
//   null-broker          listens on a free port of 127.0.0.1, prints it, and ends when its standard input does
//
// An answer names each partition of its request, without error; it is sent for all requests that came with one receive.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "event_loop.h"
#include "failure.h"
#include "wire.h"

namespace load {
namespace {

constexpr size_t kInBytes = 4 << 20;

class Client final : public Endpoint {
 public:
  Client(EventLoop& loop, int fd) : loop_(loop), fd_(fd), in_(kInBytes) { loop_.add(fd, this); }
  ~Client() override { close(fd_); }

  void on_ready(uint32_t) override {
    const ssize_t got = recv(fd_, &in_[have_], in_.size() - have_, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return flush();
    if (got <= 0) return end();
    have_ += static_cast<size_t>(got);
    size_t used = 0;
    while (have_ - used >= 4) {
      const size_t length = get32(&in_[used]);
      if (length + 4 > in_.size()) return end();
      if (have_ - used < length + 4) break;
      if (!answer(Reader(&in_[used + 4], length))) return end();
      used += length + 4;
    }
    std::memmove(&in_[0], &in_[used], have_ - used);
    have_ -= used;
    flush();
  }

 private:
  bool answer(Reader request) {
    const int16_t api = request.i16();
    const int16_t version = request.i16();
    const int32_t id = request.i32();
    request.plain_string();
    request.tags();
    if (api != static_cast<int16_t>(ApiKey::kProduce) || version != kProduceVersion) return false;
    request.compact_bytes();
    const int16_t acks = request.i16();
    request.i32();
    const size_t frame = out_.size();
    Writer writer(out_);
    writer.i32(0);
    writer.i32(id);
    writer.no_tags();
    uint64_t topics = request.compact_count();
    writer.uvarint(topics + 1);
    for (; topics > 0 && !request.bad; topics--) {
      writer.compact_string(request.compact_bytes());
      uint64_t partitions = request.compact_count();
      writer.uvarint(partitions + 1);
      for (; partitions > 0 && !request.bad; partitions--) {
        writer.i32(request.i32());
        request.compact_bytes();
        request.tags();
        writer.i16(0);
        writer.i64(0);
        writer.i64(-1);
        writer.i64(0);
        writer.uvarint(1);
        writer.uvarint(0);
        writer.no_tags();
      }
      request.tags();
      writer.no_tags();
    }
    writer.i32(0);
    writer.no_tags();
    put32(&out_[frame], static_cast<uint32_t>(out_.size() - frame - 4));
    if (acks == 0) out_.resize(frame);
    return !request.bad;
  }

  void flush() {
    while (sent_ < out_.size()) {
      const ssize_t sent = send(fd_, &out_[sent_], out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno != EAGAIN) return end();
      if (sent < 0) break;
      sent_ += static_cast<size_t>(sent);
    }
    const bool waiting = sent_ < out_.size();
    if (!waiting) {
      out_.clear();
      sent_ = 0;
    }
    if (waiting != writing_) loop_.want_write(fd_, this, writing_ = waiting);
  }

  // A client that went away or spoke otherwise; its memory is kept, there are few.
  void end() {
    loop_.remove(fd_);
    shutdown(fd_, SHUT_RDWR);
  }

  EventLoop& loop_;
  const int fd_;
  std::vector<char> in_;
  size_t have_ = 0;
  std::string out_;
  size_t sent_ = 0;
  bool writing_ = false;
};

class Listener final : public Endpoint {
 public:
  explicit Listener(EventLoop& loop) : loop_(loop), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(fd_, 64) != 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      throw Failure("no port can be listened on");
    loop_.add(fd_, this);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
  }
  ~Listener() override { close(fd_); }

  void on_ready(uint32_t) override {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    clients_.push_back(std::make_unique<Client>(loop_, fd));
  }

 private:
  EventLoop& loop_;
  const int fd_;
  std::vector<std::unique_ptr<Client>> clients_;
};

struct Input final : Endpoint {
  bool ended = false;
  void on_ready(uint32_t) override {
    char bytes[64];
    ended = read(STDIN_FILENO, bytes, sizeof bytes) <= 0;
  }
};

}  // namespace
}  // namespace load

int main() {
  // As the worker: what else the machine does is not what is measured.
  const sched_param real_time{.sched_priority = sched_get_priority_min(SCHED_RR)};
  sched_setscheduler(0, SCHED_RR, &real_time);
  try {
    load::EventLoop loop;
    load::Input input;
    loop.add(STDIN_FILENO, &input);
    load::Listener listener(loop);
    while (!input.ended) loop.wait(1'000'000'000);
  } catch (const std::exception& error) {
    fprintf(stderr, "null-broker: %s\n", error.what());
    return 1;
  }
  return 0;
}
