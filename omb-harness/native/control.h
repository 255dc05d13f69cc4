// Control: the harness's side of this worker: a JSON message a line, on standard input and output. One owner; not hot.

#ifndef RINGLOG_LOAD_CONTROL_H
#define RINGLOG_LOAD_CONTROL_H

#include <functional>
#include <string>

#include "event_loop.h"
#include "json.h"

namespace load {

class Control {
 public:
  // `on_message` is called from the loop; `on_end` when nobody is there any more.
  Control(EventLoop& loop, std::function<void(const Json&)> on_message, std::function<void()> on_end);

  // Never waits: a harness that is slow to read must not make the load late.
  void say(const JsonWriter& message);
  // Waits until all is written.
  void finish();

 private:
  struct Input final : Endpoint {
    Control* control = nullptr;
    void on_ready(uint32_t) override { control->read(); }
  };
  struct Output final : Endpoint {
    Control* control = nullptr;
    void on_ready(uint32_t) override { control->write(); }
  };

  void read();
  void write();

  EventLoop& loop_;
  const std::function<void(const Json&)> on_message_;
  const std::function<void()> on_end_;
  Input input_;
  Output output_;
  std::string in_;
  std::string out_;
  bool watched_ = false;
};

}  // namespace load

#endif
