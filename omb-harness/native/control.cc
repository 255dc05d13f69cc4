// Lines in, lines out. One owner; not hot.

#include "control.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace load {

namespace {

constexpr size_t kReadBytes = 256 << 10;

void make_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

Control::Control(EventLoop& loop, std::function<void(const Json&)> on_message, std::function<void()> on_end)
    : loop_(loop), on_message_(std::move(on_message)), on_end_(std::move(on_end)) {
  input_.control = this;
  output_.control = this;
  make_nonblocking(STDIN_FILENO);
  make_nonblocking(STDOUT_FILENO);
  loop_.add(STDIN_FILENO, &input_);
}

void Control::read() {
  const size_t before = in_.size();
  in_.resize(before + kReadBytes);
  const ssize_t got = ::read(STDIN_FILENO, &in_[before], kReadBytes);
  in_.resize(before + static_cast<size_t>(got > 0 ? got : 0));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return on_end_();
  size_t from = 0;
  for (size_t end; (end = in_.find('\n', std::max(from, before))) != std::string::npos; from = end + 1)
    on_message_(Json::parse(std::string_view(in_).substr(from, end - from)));
  in_.erase(0, from);
}

void Control::say(const JsonWriter& message) {
  out_ += message.out();
  out_ += '\n';
  write();
}

void Control::write() {
  while (!out_.empty()) {
    const ssize_t sent = ::write(STDOUT_FILENO, out_.data(), out_.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    // Nobody reads any more: standard input tells that, too.
    if (sent <= 0) out_.clear();
    else out_.erase(0, static_cast<size_t>(sent));
  }
  const bool waiting = !out_.empty();
  if (waiting == watched_) return;
  watched_ = waiting;
  if (!waiting) return loop_.remove(STDOUT_FILENO);
  loop_.add(STDOUT_FILENO, &output_);
  loop_.want_write(STDOUT_FILENO, &output_, true);
}

void Control::finish() {
  while (!out_.empty()) {
    pollfd wait{STDOUT_FILENO, POLLOUT, 0};
    if (poll(&wait, 1, 10'000) != 1) return;
    write();
  }
}

}  // namespace load
