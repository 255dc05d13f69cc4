// load-worker: makes load in a process of its own, over the Kafka wire. One thread: it notices what is due, sends, reads
// answers and fetched records, and reports once an interval. Standard input tells it what to do, a JSON message a line:
//
//   {"do":"open","plan":{…}}   {"do":"announce","phase":{…}}   {"do":"pause"|"resume"|"quiesce","id":n,…}   {"do":"close"}
//
// and it says: opened, interval, failed, done, closed. It ends when its input ends. Times are exact only if this thread is
// not waiting for a timer when a record is due, so it wakes a little early and spins, a bounded share of the time; that is
// not counted as its CPU. Where it may, it runs before ordinary threads: what else the machine does must not make it late.

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "clock.h"
#include "consumer_load.h"
#include "control.h"
#include "failure.h"
#include "load_meter.h"
#include "producer_load.h"

namespace load {

namespace {

// How much too late the kernel wakes is learned, within these bounds.
constexpr int64_t kLeadMinNs = 5'000;
constexpr int64_t kLeadMaxNs = 150'000;
// A turn of spinning that takes longer was no spinning: the thread was not on its core.
constexpr int64_t kSpinTurnMaxNs = 5'000;
// Of the time, at most, and a beginning.
constexpr int64_t kSpinShare = 4;
constexpr int64_t kSpinFreeNs = 20 * kNsPerMs;
constexpr int kPriority = -15;
// A rebalance waits for its members, and a first one for more of them.
constexpr int64_t kOpenMaxNs = 120'000 * kNsPerMs;
constexpr int64_t kSleepMaxNs = 50 * kNsPerMs;

class LoadWorker {
 public:
  LoadWorker() : control_(loop_, [this](const Json& message) { on_message(message); }, [this] { ended_ = true; }) {}

  void run() {
    while (!ended_) {
      const int64_t now = now_ns();
      if (producers_) producers_->turn(now);
      if (consumers_) consumers_->turn(now);
      if (meter_ && now >= interval_end_ns_) report(now);
      opened(now);
      quiesce(now);
      wait();
    }
    control_.finish();
  }

  void failed(const std::string& why) {
    JsonWriter json;
    json.object().text("say", "failed").text("why", why).end_object();
    control_.say(json);
  }
  void finish() { control_.finish(); }

 private:
  struct Quiesce {
    int64_t id;
    int64_t until_ns;
  };

  void wait() {
    const int64_t now = now_ns();
    const int64_t due = producers_ ? producers_->due_ns() : kNever;
    int64_t wake = now + kSleepMaxNs;
    if (producers_) wake = std::min(wake, producers_->wake_ns());
    if (consumers_) wake = std::min(wake, consumers_->wake_ns());
    if (meter_) wake = std::min(wake, interval_end_ns_);
    for (const Quiesce& each : quiesces_) wake = std::min({wake, each.until_ns, now + kNsPerMs});
    const bool may_spin = idle_ns_ < (now - started_ns_) / kSpinShare + kSpinFreeNs;
    const int64_t sleep_to = std::min(wake, due == kNever || !may_spin ? kNever : due - lead_ns_);
    if (sleep_to > now) {
      if (loop_.wait(sleep_to - now) == 0) learn(now_ns() - sleep_to);
    } else if (loop_.wait(0) == 0 && wake > now) {
      idle_ns_ += std::min(now_ns() - now, kSpinTurnMaxNs);
    }
  }

  // Fast up, slowly down: a wake-up that is late costs a sample, one that is early a little spinning.
  void learn(int64_t late_ns) {
    lead_ns_ += late_ns > lead_ns_ ? (late_ns - lead_ns_) / 4 : (late_ns - lead_ns_) / 32;
    lead_ns_ = std::clamp(lead_ns_, kLeadMinNs, kLeadMaxNs);
  }

  void on_message(const Json& message) {
    const std::string& what = message["do"].text();
    if (what == "open") return open(message["plan"]);
    if (!meter_) throw Failure("a worker must be opened before '" + what + "'");
    if (what == "announce") {
      phases_.push_back(read_phase(message["phase"]));
      if (producers_) producers_->announce(phases_.back());
      if (consumers_) consumers_->announce(phases_.back());
    } else if (what == "pause" || what == "resume") {
      if (consumers_) consumers_->set_paused(what == "pause");
      done(message["id"].whole());
    } else if (what == "quiesce") {
      quiesces_.push_back({message["id"].whole(), now_ns() + static_cast<int64_t>(message["drainMs"].number() * kNsPerMs)});
    } else if (what == "close") {
      close();
    } else {
      throw Failure("'" + what + "' is unknown");
    }
  }

  void open(const Json& json) {
    plan_ = read_load_plan(json);
    if (plan_->pin_to_cpu >= 0) {
      cpu_set_t cpus;
      CPU_ZERO(&cpus);
      CPU_SET(static_cast<size_t>(plan_->pin_to_cpu), &cpus);
      if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) throw Failure("it cannot be pinned to CPU " + std::to_string(plan_->pin_to_cpu));
    }
    const auto on_failed = [this](const std::string& why) { failed(why); };
    meter_.emplace(plan_->worker_id, now_ns(), busy_ns());
    if (!plan_->producers.empty()) producers_ = std::make_unique<ProducerLoad>(loop_, *plan_, *meter_, on_failed);
    if (!plan_->consumers.empty()) consumers_ = std::make_unique<ConsumerLoad>(loop_, *plan_, *meter_, on_failed);
    // All workers report at the same moments: what one has sent less what another has read is then what is owed.
    interval_end_ns_ = (now_ns() / plan_->interval_ns + 1) * plan_->interval_ns;
    open_until_ns_ = now_ns() + kOpenMaxNs;
  }

  // Connected, and with all partitions divided.
  void opened(int64_t now) {
    if (open_until_ns_ == 0) return;
    if (consumers_ && !consumers_->is_ready()) {
      if (now > open_until_ns_) throw Failure("the consumers' groups did not come to rest in time");
      return;
    }
    open_until_ns_ = 0;
    JsonWriter json;
    json.object().text("say", "opened").end_object();
    control_.say(json);
  }

  int64_t busy_ns() const { return thread_cpu_ns() - idle_ns_; }

  void report(int64_t now) {
    meter_->take_interval(phases_, now, busy_ns(), [this](const JsonWriter& json) { control_.say(json); });
    while (interval_end_ns_ <= now) interval_end_ns_ += plan_->interval_ns;
  }

  void done(int64_t id) {
    JsonWriter json;
    json.object().text("say", "done").number("id", id).end_object();
    control_.say(json);
  }

  void quiesce(int64_t now) {
    if (quiesces_.empty()) return;
    const bool over = std::any_of(quiesces_.begin(), quiesces_.end(), [&](const Quiesce& each) { return each.until_ns <= now; });
    if (!over && producers_ && producers_->owes(now)) return;
    if (producers_) {
      producers_->stop(now);
      report(now);
    }
    for (const Quiesce& each : quiesces_) done(each.id);
    quiesces_.clear();
  }

  void close() {
    if (producers_) producers_->stop(now_ns());
    if (consumers_) consumers_->leave();
    report(now_ns());
    JsonWriter json;
    json.object().text("say", "closed").object("summary").number("workerId", plan_->worker_id);
    if (producers_) producers_->summarise(json);
    if (consumers_) consumers_->summarise(json);
    json.end_object().end_object();
    control_.say(json);
    ended_ = true;
  }

  EventLoop loop_;
  Control control_;
  std::optional<LoadPlan> plan_;
  std::optional<LoadMeter> meter_;
  std::vector<Phase> phases_;
  std::unique_ptr<ProducerLoad> producers_;
  std::unique_ptr<ConsumerLoad> consumers_;
  std::vector<Quiesce> quiesces_;
  int64_t interval_end_ns_ = 0;
  // 0: it is open, or nothing was asked.
  int64_t open_until_ns_ = 0;
  const int64_t started_ns_ = now_ns();
  int64_t idle_ns_ = 0;
  int64_t lead_ns_ = 50'000;
  bool ended_ = false;
};

}  // namespace

}  // namespace load

int main() {
  signal(SIGPIPE, SIG_IGN);
  // Ctrl-C is for the harness, which wants what is left to report.
  signal(SIGINT, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1);
  const sched_param real_time{.sched_priority = sched_get_priority_min(SCHED_RR)};
  if (sched_setscheduler(0, SCHED_RR, &real_time) != 0) setpriority(PRIO_PROCESS, 0, load::kPriority);
  load::LoadWorker worker;
  try {
    worker.run();
  } catch (const std::exception& error) {
    worker.failed(error.what());
    worker.finish();
    return 1;
  }
  return 0;
}
