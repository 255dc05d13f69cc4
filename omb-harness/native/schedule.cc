// The row of phases and the times within them. One owner; hot.

#include "schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "failure.h"

namespace load {

namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kNeverDue = std::numeric_limits<double>::infinity();

}  // namespace

Schedule::Schedule(int index, int count, uint32_t seed) : index_(index), count_(count), seed_(seed), n_(index) {}

void Schedule::announce(const Phase& phase) {
  if (!phases_.empty() && (phase.id <= phases_.back().id || phase.start_ns < phases_.back().start_ns))
    throw Failure("phase " + std::to_string(phase.id) + " comes before phase " + std::to_string(phases_.back().id));
  phases_.push_back(phase);
}

double Schedule::due_ns() {
  while (at_ < phases_.size()) {
    const double due = due_in(phases_[at_]);
    if (due < end_of(at_)) return due;
    // More may still be announced for an open phase, and its end with it.
    if (due == kNeverDue && at_ + 1 == phases_.size()) break;
    at_++;
    n_ = index_;
    drawing_ = false;
    point_ = 0;
    before_point_ = 0;
  }
  return kNeverDue;
}

void Schedule::advance() {
  n_ += count_;
  if (drawing_) poisson_ns_ += gap_ns(phases_[at_]);
}

double Schedule::due_in(const Phase& phase) {
  if (phase.rate_per_second <= 0) return kNeverDue;
  if (!phase.poisson && !phase.course.empty()) return phase.start_ns + course_seconds(phase.course) * kNsPerSecond;
  if (!phase.poisson) return phase.start_ns + n_ * kNsPerSecond / phase.rate_per_second;
  if (!drawing_) {
    drawing_ = true;
    random_ = SeededRandom(seed_ + static_cast<uint32_t>(phase.id));
    poisson_ns_ = phase.start_ns + gap_ns(phase);
  }
  return poisson_ns_;
}

// As stats/rate-course.ts has it.
double Schedule::course_seconds(const std::vector<RatePoint>& course) {
  for (;;) {
    const auto [at, rate] = course[point_];
    const double left = n_ - before_point_;
    if (point_ + 1 == course.size()) return rate == 0 ? kNeverDue : at + left / rate;
    const RatePoint& next = course[point_ + 1];
    const double length = next.at_seconds - at;
    const double records = (length * (rate + next.rate_per_second)) / 2;
    if (left == 0 && records > 0) return at;
    if (left < records) {
      const double slope = (next.rate_per_second - rate) / length;
      return at + (2 * left) / (rate + std::sqrt(std::max(0.0, rate * rate + 2 * slope * left)));
    }
    before_point_ += records;
    point_++;
  }
}

// Workers' Poisson streams of a share of the rate each make one of the whole rate.
double Schedule::gap_ns(const Phase& phase) { return random_.exponential(kNsPerSecond * count_ / phase.rate_per_second); }

double Schedule::end_of(size_t index) const {
  const double next = index + 1 < phases_.size() ? phases_[index + 1].start_ns : kNeverDue;
  return std::min(phases_[index].end_ns, next);
}

int phase_at(const std::vector<Phase>& phases, double ns) {
  for (size_t i = phases.size(); i-- > 0;)
    if (ns >= phases[i].start_ns) return static_cast<int>(i);
  return -1;
}

}  // namespace load
