// Connection: one socket to a node of the system. Requests go out in the order given, answers are matched in that order. One
// owner; hot. What is to be written stays where it is until it is: nothing is copied on the way out.

#ifndef RINGLOG_LOAD_CONNECTION_H
#define RINGLOG_LOAD_CONNECTION_H

#include <sys/uio.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "event_loop.h"
#include "load_plan.h"
#include "wire.h"

namespace load {

class Connection final : public Endpoint {
 public:
  struct Events {
    // The body of an answer, behind its correlation id; flexible headers still have their tags.
    std::function<void(Reader answer, int64_t now_ns)> on_answer;
    // Once: closed by the other side, out of order, or broken. Nothing comes after it.
    std::function<void(const std::string& why)> on_lost;
  };

  // Connected when it returns; throws Failure.
  Connection(EventLoop& loop, const Address& address, Events events);
  ~Connection() override;

  // The header of a request up to its body. The length is set by end_frame, over `body_bytes` that follow elsewhere.
  std::string begin_frame(ApiKey api, int version, bool flexible);
  static void end_frame(std::string& frame, size_t body_bytes = 0);

  // The bytes must stay until written() has passed queued().
  void queue(const char* bytes, size_t length);
  // The last frame begun wants an answer.
  void expect_answer() { expected_.push_back(last_id_); }
  // A control request: the frame is kept here until it is written.
  void send(std::string frame);
  void flush();
  // Ever, in bytes.
  uint64_t queued() const { return queued_; }
  uint64_t written() const { return written_; }
  bool lost() const { return lost_; }
  const Address& address() const { return address_; }

  void on_ready(uint32_t events) override;

 private:
  void receive();
  void take_answers();
  void lose(const std::string& why);

  EventLoop& loop_;
  const Address address_;
  const Events events_;
  int fd_ = -1;
  bool lost_ = false;
  bool writing_ = false;
  int32_t last_id_ = 0;
  std::deque<int32_t> expected_;
  std::vector<iovec> out_;
  size_t out_head_ = 0;
  uint64_t queued_ = 0;
  uint64_t written_ = 0;
  std::deque<std::pair<uint64_t, std::string>> kept_;
  std::vector<char> in_;
  size_t in_have_ = 0;
  size_t in_used_ = 0;
};

}  // namespace load

#endif
