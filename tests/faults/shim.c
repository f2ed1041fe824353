/* Loaded in front of the C library of one server: its syncs and writes fail, its clock is off, and it dies at a point, as a
 * shared page says. A sync that fails loses what was written to the file since the last one that did not, as on Linux: the page cache
 * drops the pages, and the next sync succeeds without them. shim.py holds the other end of the page. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
  int64_t clock_seconds; /* added to the wall clock */
  int32_t sync_error;    /* an errno; -1: syncs do nothing and say that all is well */
  int32_t write_error;   /* an errno */
  int64_t syncs_failed;
  int64_t writes_failed;
  int32_t remember; /* keep what writes replace, so that a sync that fails can lose them */
  int32_t attached;
  char ending[64]; /* of the paths that this is about */
  int32_t syncs;        /* of such files, since the page was told 0 */
  int32_t die_at_sync;  /* kill -9 in front of the sync of that number */
  int32_t die_half_way; /* half of the packet goes out */
  char die_at_send[32]; /* kill -9 in front of a packet that has this in it */
};

struct piece {
  struct piece *older;
  off_t offset;
  size_t length;
  char before[];
};

static struct control quiet, *control = &quiet;
static struct piece *unsynced;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void attach(void) {
  const char *page = getenv("FAULTS_PAGE");
  int fd = page ? open(page, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof quiet, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) control = mapped;
  control->attached = 1;
  close(fd);
}

static int concerns(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  size_t ending = strlen(control->ending);
  if (length < (ssize_t)ending || ending == 0) return 0;
  path[length] = 0;
  return strcmp(path + length - ending, control->ending) == 0;
}

/* What `kill -9` does, at this very point. */
static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static void remember(int fd, off_t offset, size_t length) {
  struct piece *piece = calloc(1, sizeof *piece + length);
  if (piece == NULL) return;
  piece->offset = offset;
  piece->length = length;
  if (pread(fd, piece->before, length, offset) < 0) memset(piece->before, 0, length);
  pthread_mutex_lock(&lock);
  piece->older = unsynced;
  unsynced = piece;
  pthread_mutex_unlock(&lock);
}

/* Forgets what was remembered; puts it back first if it is lost. */
static void settle(int fd, int lost) {
  ssize_t (*put)(int, const void *, size_t, off64_t) = REAL(pwrite64);
  pthread_mutex_lock(&lock);
  while (unsynced) {
    struct piece *piece = unsynced;
    unsynced = piece->older;
    if (lost && put(fd, piece->before, piece->length, piece->offset) < 0) perror("shim: a page was not put back");
    free(piece);
  }
  pthread_mutex_unlock(&lock);
}

static int synced(int fd, int (*real)(int)) {
  if (!concerns(fd)) return real(fd);
  if (__atomic_add_fetch(&control->syncs, 1, __ATOMIC_SEQ_CST) == control->die_at_sync) die();
  if (control->sync_error == 0 && !control->remember) return real(fd);
  if (control->sync_error == -1) return 0;
  if (control->sync_error) {
    settle(fd, 1);
    __atomic_add_fetch(&control->syncs_failed, 1, __ATOMIC_SEQ_CST);
    errno = control->sync_error;
    return -1;
  }
  int result = real(fd);
  if (result == 0) settle(fd, 0);
  return result;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

/* Whether the write may go on. */
static int may_write(int fd, off_t offset, size_t length) {
  if ((control->write_error == 0 && !control->remember) || !concerns(fd)) return 1;
  if (control->write_error) {
    __atomic_add_fetch(&control->writes_failed, 1, __ATOMIC_SEQ_CST);
    errno = control->write_error;
    return 0;
  }
  remember(fd, offset, length);
  return 1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  return may_write(fd, lseek(fd, 0, SEEK_CUR), length) ? REAL(write)(fd, bytes, length) : -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return may_write(fd, offset, length) ? REAL(pwrite64)(fd, bytes, length, offset) : -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  ssize_t (*real)(int, const void *, size_t, int) = REAL(send);
  size_t words = strlen(control->die_at_send);
  if (words && memmem(bytes, length, control->die_at_send, words)) {
    if (control->die_half_way) real(fd, bytes, length / 2, flags);
    die();
  }
  return real(fd, bytes, length, flags);
}

int clock_gettime(clockid_t which, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (real == NULL) real = REAL(clock_gettime);
  int result = real(which, now);
  if (result == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += control->clock_seconds;
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int result = REAL(gettimeofday)(now, zone);
  if (result == 0) now->tv_sec += control->clock_seconds;
  return result;
}

time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}
