// Schedule: the intended send times of one worker, fixed before anything is sent, as stats/schedule.ts has them. One owner;
// hot. Time n of a phase is start + n / rate, computed from n each time; nothing that happens moves it.

#ifndef RINGLOG_LOAD_SCHEDULE_H
#define RINGLOG_LOAD_SCHEDULE_H

#include <cstdint>
#include <vector>

#include "seeded_random.h"

namespace load {

struct RatePoint {
  double at_seconds;
  double rate_per_second;
};

struct Phase {
  int id;
  double start_ns;
  // Infinity: until the next one begins.
  double end_ns;
  double rate_per_second;
  bool poisson;
  // Empty: the rate stays. Else it is on the line from point to point.
  std::vector<RatePoint> course;
};

class Schedule {
 public:
  // Of all producing workers this is `index` of `count`: time n belongs to worker n mod count.
  Schedule(int index, int count, uint32_t seed);

  // Throws Failure when it is not later than the one before.
  void announce(const Phase& phase);
  // When the next record is due; infinity when nothing is announced.
  double due_ns();
  // The phase of due_ns(), by its place in the row of phases; call after it.
  size_t phase_index() const { return at_; }
  // The record at due_ns() has been dealt with.
  void advance();
  const std::vector<Phase>& phases() const { return phases_; }

 private:
  double due_in(const Phase& phase);
  double course_seconds(const std::vector<RatePoint>& course);
  double end_of(size_t index) const;
  double gap_ns(const Phase& phase);

  const int index_;
  const int count_;
  const uint32_t seed_;
  std::vector<Phase> phases_;
  size_t at_ = 0;
  double n_;
  // Along a course: the point before n_, and the records due before it.
  size_t point_ = 0;
  double before_point_ = 0;
  bool drawing_ = false;
  double poisson_ns_ = 0;
  SeededRandom random_{0};
};

// The place of the phase a time lies in: the last that began at or before it; -1 before all.
int phase_at(const std::vector<Phase>& phases, double ns);

}  // namespace load

#endif
