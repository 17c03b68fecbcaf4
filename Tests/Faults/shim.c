// A disk that fails on demand, and one that remembers what it was told, below one directory.
//
// Preloaded into a program (LD_PRELOAD), it stands between the program, LMDB included, and the system calls that change
// files below FAULT_ROOT. Nothing happens until the program "arms" it, by access() to a name below /martlet-fault/:
//
//     /martlet-fault/arm        counts calls from here on
//     /martlet-fault/disarm     lets all calls through
//     /martlet-fault/fired      answers 0 when the fault has happened
//     /martlet-fault/note/TEXT  writes TEXT into the trace
//
// FAULT_AT=N       the number of the call that fails; 0 for none
// FAULT_MODE       EIO, ENOSPC: the call fails so, and has done nothing. full: it and all calls that need space after it
//                  fail with ENOSPC until "disarm". before, after: the process is killed before or after the call. torn:
//                  the process is killed when half of the octets are written. short: half of the octets are written,
//                  and the call says so.
// FAULT_COUNT=PATH takes one line for each counted call, FAULT_FIRED=PATH one for the call that failed.
// FAULT_TRACE=PATH takes every change with its octets, and every flush; replay.py reads it. Calls run one after the other
//                  then, so that the trace is in their order.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PLACE "/martlet-fault/"
enum Mode { M_EIO, M_ENOSPC, M_FULL, M_BEFORE, M_AFTER, M_TORN, M_SHORT };
// What a call needs: fails on a full disk or not.
enum Need { NEEDS_SPACE, NEEDS_NONE };

static char root[PATH_MAX];
static size_t root_length;
static long fault_at;
static enum Mode mode;
static long counted;
static int armed, fired;
static int count_file = -1, fired_file = -1, trace_file = -1;
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

static int raw_open(const char *path) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void raw_write(int file, const void *octets, size_t count) {
    const char *at = octets;
    while (count > 0) {
        ssize_t done = syscall(SYS_write, file, at, count);
        if (done <= 0) return;
        at += done;
        count -= (size_t)done;
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("FAULT_ROOT");
    if (text == NULL || realpath(text, root) == NULL) return;
    root_length = strlen(root);
    text = getenv("FAULT_AT");
    fault_at = text ? atol(text) : 0;
    static const char *const names[] = {"EIO", "ENOSPC", "full", "before", "after", "torn", "short"};
    text = getenv("FAULT_MODE");
    for (int i = 0; text != NULL && i < 7; i++)
        if (strcmp(text, names[i]) == 0) mode = (enum Mode)i;
    if ((text = getenv("FAULT_COUNT")) != NULL) count_file = raw_open(text);
    if ((text = getenv("FAULT_FIRED")) != NULL) fired_file = raw_open(text);
    if ((text = getenv("FAULT_TRACE")) != NULL) trace_file = raw_open(text);
}

static int is_below(const char *path) {
    return root_length > 0 && strncmp(path, root, root_length) == 0
        && (path[root_length] == '/' || path[root_length] == 0);
}

// The path of a descriptor as it is now; "" for what is no file below the root.
static int path_of(int file, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    return is_below(path);
}

// How a volume is named that may lie in one directory today and in another tomorrow.
#define HERE "/proc/self/cwd/"

static int path_at(int directory, const char *name, char path[PATH_MAX]) {
    if (name == NULL) return 0;
    if (strncmp(name, HERE, sizeof HERE - 1) == 0) {
        directory = AT_FDCWD;
        name += sizeof HERE - 1;
    }
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
    } else if (directory == AT_FDCWD) {
        if (getcwd(path, PATH_MAX) == NULL) return 0;
        size_t length = strlen(path);
        snprintf(path + length, PATH_MAX - length, "/%s", name);
    } else {
        char base[PATH_MAX];
        if (!path_of(directory, base)) return 0;
        // The name of one directory that another one took would lead astray.
        size_t length = strlen(base);
        memcpy(path, base, length);
        snprintf(path + length, PATH_MAX - length, "/%s", name);
    }
    return is_below(path);
}

// What to do with a call.
enum Verdict { PASS, FAIL, DIE_AFTER, HALF_THEN_DIE, HALF };

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Called with the lock held.
static enum Verdict judge(const char *call, const char *path, enum Need need) {
    if (!armed) return PASS;
    if (fired) {
        if (mode != M_FULL || need != NEEDS_SPACE || fault_at == 0) return PASS;
        errno = ENOSPC;
        return FAIL;
    }
    counted++;
    char line[PATH_MAX + 100];
    int length = snprintf(line, sizeof line, "%ld %s %s\n", counted, call, path + root_length);
    if (length >= (int)sizeof line) length = sizeof line - 1;
    if (count_file >= 0) raw_write(count_file, line, (size_t)length);
    if (fault_at == 0 || counted != fault_at) return PASS;
    if (mode == M_FULL && need != NEEDS_SPACE) {
        // The disk is full from the next call on that needs space.
        fault_at++;
        return PASS;
    }
    fired = 1;
    if (fired_file >= 0) raw_write(fired_file, line, (size_t)length);
    switch (mode) {
    case M_EIO: errno = EIO; return FAIL;
    case M_ENOSPC: case M_FULL: errno = ENOSPC; return FAIL;
    case M_BEFORE: die();
    case M_AFTER: return DIE_AFTER;
    case M_TORN: return HALF_THEN_DIE;
    case M_SHORT: return HALF;
    }
    return PASS;
}

// MARK: The trace

static void note(const char *text) {
    if (trace_file < 0 || !armed) return;
    char line[2 * PATH_MAX + 100];
    int length = snprintf(line, sizeof line, "%s\n", text);
    if (length >= (int)sizeof line) {
        length = sizeof line;
        line[length - 1] = '\n';
    }
    raw_write(trace_file, line, (size_t)length);
}

#define NOTE(...) do { if (trace_file >= 0 && armed) { \
    char text_[2 * PATH_MAX + 64]; snprintf(text_, sizeof text_, __VA_ARGS__); note(text_); } } while (0)

static unsigned long inode(int file) {
    struct stat status;
    return fstat(file, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

static void trace_write(int file, const struct iovec *parts, int count, off_t offset, size_t done) {
    if (trace_file < 0 || !armed) return;
    int flags = fcntl(file, F_GETFL);
    NOTE("W %lu %lld %zu %d", inode(file), (long long)offset, done, (flags & O_DSYNC) != 0);
    for (int i = 0; i < count && done > 0; i++) {
        size_t length = parts[i].iov_len < done ? parts[i].iov_len : done;
        raw_write(trace_file, parts[i].iov_base, length);
        done -= length;
    }
}

// MARK: Writing

static size_t total(const struct iovec *parts, int count) {
    size_t sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

// All writing calls. `offset` -1: at the file's place.
static ssize_t write_parts(const char *call, int file, const struct iovec *parts, int count, off_t offset) {
    char path[PATH_MAX];
    int is_ours = armed && path_of(file, path);
    if (!is_ours)
        return offset < 0 ? syscall(SYS_writev, file, parts, count)
                          : syscall(SYS_pwritev, file, parts, count, (unsigned long)offset, 0ul);
    pthread_mutex_lock(&lock);
    enum Verdict verdict = judge(call, path, NEEDS_SPACE);
    ssize_t done = -1;
    if (verdict != FAIL) {
        struct iovec half[1024];
        if (verdict == HALF || verdict == HALF_THEN_DIE) {
            size_t left = total(parts, count) / 2;
            int used = 0;
            while (used < count && used < 1024 && left > 0) {
                half[used] = parts[used];
                if (half[used].iov_len > left) half[used].iov_len = left;
                left -= half[used++].iov_len;
            }
            parts = half;
            count = used;
        }
        done = offset < 0 ? syscall(SYS_writev, file, parts, count)
                          : syscall(SYS_pwritev, file, parts, count, (unsigned long)offset, 0ul);
        int error = errno;
        if (verdict == DIE_AFTER || verdict == HALF_THEN_DIE) die();
        if (done > 0) trace_write(file, parts, count, offset < 0 ? lseek(file, 0, SEEK_CUR) - done : offset, (size_t)done);
        errno = error;
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t write(int file, const void *octets, size_t count) {
    struct iovec part = {(void *)octets, count};
    return write_parts("write", file, &part, 1, -1);
}
ssize_t pwrite(int file, const void *octets, size_t count, off_t offset) {
    struct iovec part = {(void *)octets, count};
    return write_parts("pwrite", file, &part, 1, offset);
}
ssize_t pwrite64(int file, const void *octets, size_t count, off_t offset) {
    return pwrite(file, octets, count, offset);
}
ssize_t writev(int file, const struct iovec *parts, int count) { return write_parts("writev", file, parts, count, -1); }
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    return write_parts("pwritev", file, parts, count, offset);
}
ssize_t pwritev64(int file, const struct iovec *parts, int count, off_t offset) {
    return write_parts("pwritev", file, parts, count, offset);
}

// MARK: Calls that answer 0 or -1

// Runs `expression` as the verdict says; `noted` writes the trace when it succeeded.
#define CALL(name, path, need, expression, noted) do { \
    pthread_mutex_lock(&lock); \
    enum Verdict verdict_ = judge(name, path, need); \
    int result_ = -1; \
    if (verdict_ != FAIL) { \
        result_ = (int)(expression); \
        int error_ = errno; \
        if (verdict_ == DIE_AFTER || verdict_ == HALF_THEN_DIE) die(); \
        if (result_ >= 0) { noted; } \
        errno = error_; \
    } \
    int kept_ = errno; \
    pthread_mutex_unlock(&lock); \
    errno = kept_; \
    return result_; } while (0)

static int flush_call(const char *call, int file, long number) {
    char path[PATH_MAX];
    if (!armed || !path_of(file, path)) return (int)syscall(number, file);
    CALL(call, path, NEEDS_NONE, syscall(number, file), NOTE("S %lu", inode(file)));
}
int fsync(int file) { return flush_call("fsync", file, SYS_fsync); }
int fdatasync(int file) { return flush_call("fdatasync", file, SYS_fdatasync); }
int syncfs(int file) {
    char path[PATH_MAX];
    if (!armed || !path_of(file, path)) return (int)syscall(SYS_syncfs, file);
    // The whole file system would be flushed for each of thousands of runs: only what a power loss may take depends on it.
    CALL("syncfs", path, NEEDS_NONE, 0, NOTE("A"));
}

int ftruncate(int file, off_t length) {
    char path[PATH_MAX];
    struct stat status;
    if (!armed || !path_of(file, path)) return (int)syscall(SYS_ftruncate, file, length);
    enum Need need = fstat(file, &status) == 0 && length <= status.st_size ? NEEDS_NONE : NEEDS_SPACE;
    CALL("ftruncate", path, need, syscall(SYS_ftruncate, file, length),
         NOTE("T %lu %lld", inode(file), (long long)length));
}
int ftruncate64(int file, off_t length) { return ftruncate(file, length); }

int fallocate(int file, int flags, off_t offset, off_t length) {
    char path[PATH_MAX];
    if (!armed || !path_of(file, path)) return (int)syscall(SYS_fallocate, file, flags, offset, length);
    CALL("fallocate", path, NEEDS_SPACE, syscall(SYS_fallocate, file, flags, offset, length),
         NOTE("F %lu %d %lld %lld", inode(file), flags, (long long)offset, (long long)length));
}
int fallocate64(int file, int flags, off_t offset, off_t length) { return fallocate(file, flags, offset, length); }

int renameat(int from, const char *old, int to, const char *new) {
    char source[PATH_MAX], target[PATH_MAX];
    if (!armed || !path_at(from, old, source) || !path_at(to, new, target))
        return (int)syscall(SYS_renameat2, from, old, to, new, 0);
    CALL("rename", target, NEEDS_SPACE, syscall(SYS_renameat2, from, old, to, new, 0), NOTE("R %s\t%s", source, target));
}
int rename(const char *old, const char *new) { return renameat(AT_FDCWD, old, AT_FDCWD, new); }

static unsigned long inode_at(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

int linkat(int from, const char *old, int to, const char *new, int flags) {
    char source[PATH_MAX], target[PATH_MAX];
    if (!armed || !path_at(from, old, source) || !path_at(to, new, target))
        return (int)syscall(SYS_linkat, from, old, to, new, flags);
    CALL("link", target, NEEDS_SPACE, syscall(SYS_linkat, from, old, to, new, flags), NOTE("L %lu %s", inode_at(target), target));
}
int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

int symlinkat(const char *text, int to, const char *new) {
    char target[PATH_MAX];
    if (!armed || !path_at(to, new, target)) return (int)syscall(SYS_symlinkat, text, to, new);
    CALL("symlink", target, NEEDS_SPACE, syscall(SYS_symlinkat, text, to, new), NOTE("Y %s\t%s", text, target));
}
int symlink(const char *text, const char *new) { return symlinkat(text, AT_FDCWD, new); }

int unlinkat(int directory, const char *name, int flags) {
    char path[PATH_MAX];
    if (!armed || !path_at(directory, name, path)) return (int)syscall(SYS_unlinkat, directory, name, flags);
    CALL(flags & AT_REMOVEDIR ? "rmdir" : "unlink", path, NEEDS_NONE, syscall(SYS_unlinkat, directory, name, flags),
         NOTE("U %s", path));
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int directory, const char *name, mode_t rights) {
    char path[PATH_MAX];
    // One that is there already says so, whatever the disk is like.
    if (!armed || !path_at(directory, name, path) || inode_at(path) != 0)
        return (int)syscall(SYS_mkdirat, directory, name, rights);
    CALL("mkdir", path, NEEDS_SPACE, syscall(SYS_mkdirat, directory, name, rights),
         NOTE("M %lu %s", inode_at(path), path));
}
int mkdir(const char *name, mode_t rights) { return mkdirat(AT_FDCWD, name, rights); }

static int times_call(int directory, const char *name, const struct timespec times[2], int flags) {
    char path[PATH_MAX];
    if (!armed || !(name != NULL ? path_at(directory, name, path) : path_of(directory, path)))
        return (int)syscall(SYS_utimensat, directory, name, times, flags);
    CALL("utimens", path, NEEDS_NONE, syscall(SYS_utimensat, directory, name, times, flags),
         NOTE("H %lu %lld", name != NULL ? inode_at(path) : inode(directory), times ? (long long)times[1].tv_sec : -1ll));
}
int utimensat(int directory, const char *name, const struct timespec times[2], int flags) {
    return times_call(directory, name, times, flags);
}
int futimens(int file, const struct timespec times[2]) { return times_call(file, NULL, times, 0); }

int fchmod(int file, mode_t rights) {
    char path[PATH_MAX];
    if (!armed || !path_of(file, path)) return (int)syscall(SYS_fchmod, file, rights);
    CALL("fchmod", path, NEEDS_NONE, syscall(SYS_fchmod, file, rights), );
}

// MARK: Opening

static int open_call(int directory, const char *name, int flags, mode_t rights) {
    char path[PATH_MAX];
    // Only what makes a file, or cuts one.
    if (!armed || !(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE || !path_at(directory, name, path))
        return (int)syscall(SYS_openat, directory, name, flags, rights);
    struct stat status;
    pthread_mutex_lock(&lock);
    int exists = syscall(SYS_newfstatat, directory, name, &status, 0) == 0;
    if (exists && !(flags & O_TRUNC)) {
        int file = (int)syscall(SYS_openat, directory, name, flags, rights);
        int error = errno;
        pthread_mutex_unlock(&lock);
        errno = error;
        return file;
    }
    enum Verdict verdict = judge("create", path, NEEDS_SPACE);
    int file = -1;
    if (verdict != FAIL) {
        file = (int)syscall(SYS_openat, directory, name, flags, rights);
        int error = errno;
        if (verdict == DIE_AFTER || verdict == HALF_THEN_DIE) die();
        if (file >= 0 && exists) NOTE("T %lu 0", inode(file));
        if (file >= 0 && !exists) NOTE("C %lu %s", inode(file), path);
        errno = error;
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return file;
}

#define RIGHTS(flags) \
    mode_t rights = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); rights = (mode_t)va_arg(rest, int); va_end(rest); }

int open(const char *name, int flags, ...) { RIGHTS(flags) return open_call(AT_FDCWD, name, flags, rights); }
int open64(const char *name, int flags, ...) { RIGHTS(flags) return open_call(AT_FDCWD, name, flags | O_LARGEFILE, rights); }
int openat(int directory, const char *name, int flags, ...) { RIGHTS(flags) return open_call(directory, name, flags, rights); }
int openat64(int directory, const char *name, int flags, ...) {
    RIGHTS(flags) return open_call(directory, name, flags | O_LARGEFILE, rights);
}

// MARK: Maps

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    char path[PATH_MAX];
    if (!armed || file < 0 || !(flags & MAP_SHARED) || !path_of(file, path))
        return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
    pthread_mutex_lock(&lock);
    enum Verdict verdict = judge("mmap", path, NEEDS_NONE);
    void *map = MAP_FAILED;
    if (verdict != FAIL) {
        map = (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
        if (verdict == DIE_AFTER || verdict == HALF_THEN_DIE) die();
    } else if (mode == M_EIO) {
        errno = ENOMEM;
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return map;
}
void *mmap64(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    return mmap(address, length, protection, flags, file, offset);
}

int msync(void *address, size_t length, int flags) {
    if (!armed) return (int)syscall(SYS_msync, address, length, flags);
    CALL("msync", root, NEEDS_NONE, syscall(SYS_msync, address, length, flags), );
}

// MARK: Talk

int access(const char *name, int wanted) {
    if (strncmp(name, PLACE, sizeof PLACE - 1) != 0) return (int)syscall(SYS_faccessat, AT_FDCWD, name, wanted);
    const char *word = name + sizeof PLACE - 1;
    pthread_mutex_lock(&lock);
    int answer = 0;
    if (strcmp(word, "arm") == 0) armed = 1;
    else if (strcmp(word, "disarm") == 0) armed = 0;
    else if (strcmp(word, "fired") == 0) answer = fired ? 0 : -1;
    else if (strncmp(word, "note/", 5) == 0) NOTE("N %s", word + 5);
    pthread_mutex_unlock(&lock);
    return answer;
}
