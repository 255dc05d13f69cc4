// Broken invariants stop the process, in every build, with the values that broke them. Any thread.
// Expected failures (a peer's reset, a full disk) are errno results and never come through here.

#ifndef RINGLOG_BASE_CHECK_H
#define RINGLOG_BASE_CHECK_H

#include <cstdio>
#include <cstdlib>

#define RINGLOG_CHECK(condition)                                                                      \
  do {                                                                                                \
    if (__builtin_expect(!(condition), 0)) {                                                          \
      std::fprintf(stderr, "ringlog: broken invariant at %s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                   \
    }                                                                                                 \
  } while (0)

// A relation between two integers, printed with both values.
#define RINGLOG_CHECK_OP(a, op, b)                                                                         \
  do {                                                                                                     \
    const long long check_a_ = static_cast<long long>(a);                                                  \
    const long long check_b_ = static_cast<long long>(b);                                                  \
    if (__builtin_expect(!(check_a_ op check_b_), 0)) {                                                    \
      std::fprintf(stderr, "ringlog: broken invariant at %s:%d: %s %s %s (%lld, %lld)\n", __FILE__, __LINE__, \
                   #a, #op, #b, check_a_, check_b_);                                                       \
      std::abort();                                                                                        \
    }                                                                                                      \
  } while (0)

#endif
