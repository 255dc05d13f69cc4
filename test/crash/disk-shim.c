// A preload shim between the broker and the C library's file calls. Three uses, chosen by the environment:
//
//   DISK_SHIM_NO_SYNC=1            fsync, fdatasync, sync_file_range, O_SYNC, O_DSYNC and RWF_DSYNC do nothing
//   DISK_SHIM_FAULT=kind:n:errno   the n-th call of a kind (write, sync, read, open, rename) on a file below DISK_SHIM_DIR
//                                  fails once with this errno; n counts from 1, `n,m` are two of them, `n+` means that one
//                                  and all after it; with DISK_SHIM_WHEN it counts only while that file exists; how many
//                                  calls there were is the one 64-bit number in the file DISK_SHIM_COUNT
//   DISK_SHIM_HOLD=path            writes into .log files below DISK_SHIM_DIR wait for as long as that file exists;
//                                  with DISK_SHIM_RING=1 io_uring takes nothing for as long, whatever it is
//
// A fault that struck is told in the file DISK_SHIM_LOG, a line each: kind, number, path. io_uring is refused in all
// but DISK_SHIM_RING, so that every file operation passes here.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RWF_DSYNC
#define RWF_DSYNC 2
#endif
#ifndef RWF_SYNC
#define RWF_SYNC 4
#endif

#define FAULTS_MAX 256

enum kind { KIND_WRITE, KIND_SYNC, KIND_READ, KIND_OPEN, KIND_RENAME, KINDS };
static const char *const kind_names[KINDS] = {"write", "sync", "read", "open", "rename"};

static int no_sync;
static int fault_kind = -1;
static long fault_at[FAULTS_MAX];
static int fault_places;
static int fault_stays;
static int fault_errno;
static char fault_dir[4096];
static const char *fault_log;
static const char *fault_when;
static const char *hold;
static int with_ring;
static atomic_long own_count;
static atomic_long *count = &own_count;

static void parse_places(const char *text) {
  for (char *end; fault_places < FAULTS_MAX; text = end + 1) {
    fault_at[fault_places++] = strtol(text, &end, 10);
    fault_stays = *end == '+';
    if (*end != ',') return;
  }
  abort();
}

static void share_count(const char *path) {
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || ftruncate(fd, sizeof *count) != 0) abort();
  count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (count == MAP_FAILED) abort();
  syscall(SYS_close, fd);
}

__attribute__((constructor)) static void configure(void) {
  no_sync = getenv("DISK_SHIM_NO_SYNC") != NULL;
  with_ring = getenv("DISK_SHIM_RING") != NULL;
  fault_log = getenv("DISK_SHIM_LOG");
  fault_when = getenv("DISK_SHIM_WHEN");
  const char *dir = getenv("DISK_SHIM_DIR");
  const char *fault = getenv("DISK_SHIM_FAULT");
  hold = getenv("DISK_SHIM_HOLD");
  if (dir == NULL) return;
  snprintf(fault_dir, sizeof fault_dir, "%s", dir);
  if (fault == NULL) return;
  char name[16];
  char places[2048];
  if (sscanf(fault, "%15[^:]:%2047[^:]:%d", name, places, &fault_errno) != 3) abort();
  parse_places(places);
  if (getenv("DISK_SHIM_COUNT") != NULL) share_count(getenv("DISK_SHIM_COUNT"));
  for (int kind = 0; kind < KINDS; kind++)
    if (strcmp(name, kind_names[kind]) == 0) fault_kind = kind;
  if (fault_kind < 0) abort();
}

static int below(const char *path) {
  const size_t length = strlen(fault_dir);
  return strncmp(path, fault_dir, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_place(long number) {
  if (fault_stays) return number >= fault_at[0];
  for (int i = 0; i < fault_places; i++)
    if (fault_at[i] == number) return 1;
  return 0;
}

// Whether this call is to fail; errno is then set.
static int strikes(enum kind kind, const char *path) {
  if ((int)kind != fault_kind || !below(path)) return 0;
  if (fault_when != NULL && access(fault_when, F_OK) != 0) return 0;
  const long number = atomic_fetch_add(count, 1) + 1;
  if (!is_place(number)) return 0;
  if (fault_log != NULL) {
    char line[4200];
    const int length = snprintf(line, sizeof line, "%s %ld %s\n", kind_names[kind], number, path);
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, fault_log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
      syscall(SYS_write, fd, line, (size_t)length);
      syscall(SYS_close, fd);
    }
  }
  errno = fault_errno;
  return 1;
}

static void wait_while_held(const char *path) {
  const size_t length = strlen(path);
  if (!below(path) || length < 4 || strcmp(path + length - 4, ".log") != 0) return;
  while (access(hold, F_OK) == 0) usleep(2000);
}

static int strikes_fd(enum kind kind, int fd) {
  const int held = hold != NULL && kind == KIND_WRITE;
  if ((int)kind != fault_kind && !held) return 0;
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (held) wait_while_held(path);
  return strikes(kind, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRAP_FD(result, name, kind, parameters, ...) \
  result name parameters {                           \
    static __typeof__(&name) real;                   \
    if (real == NULL) real = REAL(name);             \
    if (strikes_fd(kind, fd)) return -1;             \
    return real(__VA_ARGS__);                        \
  }

WRAP_FD(ssize_t, write, KIND_WRITE, (int fd, const void *bytes, size_t length), fd, bytes, length)
WRAP_FD(ssize_t, pwrite, KIND_WRITE, (int fd, const void *bytes, size_t length, off_t at), fd, bytes, length, at)
WRAP_FD(ssize_t, pwrite64, KIND_WRITE, (int fd, const void *bytes, size_t length, off64_t at), fd, bytes, length, at)
WRAP_FD(ssize_t, writev, KIND_WRITE, (int fd, const struct iovec *parts, int count), fd, parts, count)
WRAP_FD(ssize_t, pwritev, KIND_WRITE, (int fd, const struct iovec *parts, int count, off_t at), fd, parts, count, at)
WRAP_FD(ssize_t, pwritev64, KIND_WRITE, (int fd, const struct iovec *parts, int count, off64_t at), fd, parts, count, at)
WRAP_FD(ssize_t, read, KIND_READ, (int fd, void *into, size_t length), fd, into, length)
WRAP_FD(ssize_t, pread, KIND_READ, (int fd, void *into, size_t length, off_t at), fd, into, length, at)
WRAP_FD(ssize_t, pread64, KIND_READ, (int fd, void *into, size_t length, off64_t at), fd, into, length, at)
WRAP_FD(ssize_t, readv, KIND_READ, (int fd, const struct iovec *parts, int count), fd, parts, count)
WRAP_FD(ssize_t, preadv, KIND_READ, (int fd, const struct iovec *parts, int count, off_t at), fd, parts, count, at)
WRAP_FD(ssize_t, preadv64, KIND_READ, (int fd, const struct iovec *parts, int count, off64_t at), fd, parts, count, at)
WRAP_FD(ssize_t, preadv2, KIND_READ, (int fd, const struct iovec *parts, int count, off_t at, int flags), fd, parts, count, at, flags)
WRAP_FD(ssize_t, preadv64v2, KIND_READ, (int fd, const struct iovec *parts, int count, off64_t at, int flags), fd, parts, count, at,
        flags)

#define WRAP_PWRITEV2(name, offset)                                                       \
  ssize_t name(int fd, const struct iovec *parts, int count, offset at, int flags) {      \
    static __typeof__(&name) real;                                                        \
    if (real == NULL) real = REAL(name);                                                  \
    if (strikes_fd(KIND_WRITE, fd)) return -1;                                            \
    if ((flags & (RWF_DSYNC | RWF_SYNC)) != 0 && strikes_fd(KIND_SYNC, fd)) return -1;    \
    return real(fd, parts, count, at, no_sync ? flags & ~(RWF_DSYNC | RWF_SYNC) : flags); \
  }

WRAP_PWRITEV2(pwritev2, off_t)
WRAP_PWRITEV2(pwritev64v2, off64_t)

#define WRAP_SENDFILE(name, offset)                                      \
  ssize_t name(int out, int fd, offset *at, size_t length) {             \
    static __typeof__(&name) real;                                       \
    if (real == NULL) real = REAL(name);                                 \
    if (strikes_fd(KIND_READ, fd)) return -1;                            \
    return real(out, fd, at, length);                                    \
  }

WRAP_SENDFILE(sendfile, off_t)
WRAP_SENDFILE(sendfile64, off64_t)

#define WRAP_SYNC(name)                        \
  int name(int fd) {                           \
    static __typeof__(&name) real;             \
    if (real == NULL) real = REAL(name);       \
    if (strikes_fd(KIND_SYNC, fd)) return -1;  \
    return no_sync ? 0 : real(fd);             \
  }

WRAP_SYNC(fsync)
WRAP_SYNC(fdatasync)

int sync_file_range(int fd, off64_t from, off64_t length, unsigned flags) {
  static __typeof__(&sync_file_range) real;
  if (real == NULL) real = REAL(sync_file_range);
  if (strikes_fd(KIND_SYNC, fd)) return -1;
  return no_sync ? 0 : real(fd, from, length, flags);
}

static int without_sync(int flags) {
  return no_sync ? flags & ~(O_SYNC | O_DSYNC) : flags;
}

// The mode is there only with O_CREAT and O_TMPFILE; reading it anyway yields what the library ignores.
#define OPEN_MODE(flags)        \
  mode_t mode = 0;              \
  va_list rest;                 \
  va_start(rest, flags);        \
  mode = va_arg(rest, mode_t);  \
  va_end(rest)

#define WRAP_OPEN(name)                                       \
  int name(const char *path, int flags, ...) {                \
    static __typeof__(&name) real;                            \
    if (real == NULL) real = REAL(name);                      \
    OPEN_MODE(flags);                                         \
    if (strikes(KIND_OPEN, path)) return -1;                  \
    return real(path, without_sync(flags), mode);             \
  }

#define WRAP_OPENAT(name)                                     \
  int name(int dir, const char *path, int flags, ...) {       \
    static __typeof__(&name) real;                            \
    if (real == NULL) real = REAL(name);                      \
    OPEN_MODE(flags);                                         \
    if (strikes(KIND_OPEN, path)) return -1;                  \
    return real(dir, path, without_sync(flags), mode);        \
  }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

int rename(const char *from, const char *to) {
  static __typeof__(&rename) real;
  if (real == NULL) real = REAL(rename);
  if (strikes(KIND_RENAME, from)) return -1;
  return real(from, to);
}

long syscall(long number, ...) {
  static __typeof__(&syscall) real;
  if (real == NULL) real = REAL(syscall);
  long a[6];
  va_list rest;
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_io_uring_setup && !with_ring) {
    errno = ENOSYS;
    return -1;
  }
  // Something was to be taken, and may be again: the caller goes on and asks each time round, not too often.
  if (number == SYS_io_uring_enter && a[1] > 0 && hold != NULL && access(hold, F_OK) == 0) {
    usleep(2000);
    errno = EAGAIN;
    return -1;
  }
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
