// Counts how often threads of a program wait for each other, and how long each lock is held: what no further core makes
// faster. LD_PRELOAD=locks.so LOCKS=DIRECTORY program; each process keeps DIRECTORY/PID, written anew every second.
//
// pthread mutexes are tried first. Swift's Mutex comes to the kernel only when it has to wait (futex by syscall(2)), so of
// those the waits are seen and not the rest. Held times are CPU time of the thread that holds.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { places = 8192, probes = 64, depth = 14, deepest = 32 };

// A place in the program where threads waited (key: its callers), or a lock (key: its address; the callers of its first use).
struct place {
    atomic_ulong key, count, nanoseconds;
    void *frames[depth];
    int frame_count;
};
static struct place waits[places], locks[places];
static atomic_ulong taken, waited, waited_ns;
// What this thread holds; `height` counts on when it is more than there is room for.
static __thread struct { struct place *lock; pthread_mutex_t *mutex; unsigned long since; } holds[deepest];
static __thread int height;
// In our own code, whose locks do not count.
static __thread int inside;

#define REAL(name, ...) \
    static typeof(&name) real; \
    if (!real) real = (typeof(&name))__VA_ARGS__

static unsigned long clock_ns(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000ul + time.tv_nsec;
}

static int callers(void **frames) {
    inside++;
    int count = backtrace(frames, depth);
    inside--;
    return count;
}

// The place of a key, made if need be; NULL when there is no room.
static struct place *find(struct place *table, unsigned long key, void **frames, int count) {
    for (unsigned long at = key * 2654435761ul, end = at + probes; at < end; at++) {
        struct place *place = &table[at % places];
        unsigned long found = 0;
        if (atomic_load(&place->key) == key) return place;
        if (!atomic_compare_exchange_strong(&place->key, &found, key)) {
            if (found == key) return place;
            continue;
        }
        void *own[depth];
        if (!frames) count = callers(frames = own);
        memcpy(place->frames, frames, count * sizeof *frames);
        place->frame_count = count;
        return place;
    }
    return NULL;
}

static void note_wait(unsigned long ns) {
    waited++;
    waited_ns += ns;
    if (inside) return;
    void *frames[depth];
    int count = callers(frames);
    unsigned long key = 1469598103934665603ul;
    for (int i = 0; i < count; i++) key = (key ^ (unsigned long)frames[i]) * 1099511628211ul;
    struct place *place = find(waits, key, frames, count);
    if (!place) return;
    place->count++;
    place->nanoseconds += ns;
}

static void enter(pthread_mutex_t *mutex) {
    if (height < deepest) {
        holds[height].lock = inside ? NULL : find(locks, (unsigned long)mutex, NULL, 0);
        holds[height].mutex = mutex;
        holds[height].since = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    }
    height++;
}

static void leave(pthread_mutex_t *mutex) {
    if (height == 0) return;
    height--;
    if (height >= deepest) return;
    int at = height;
    while (at > 0 && holds[at].mutex != mutex) at--;
    if (holds[at].mutex != mutex) return;
    if (holds[at].lock) {
        holds[at].lock->count++;
        holds[at].lock->nanoseconds += clock_ns(CLOCK_THREAD_CPUTIME_ID) - holds[at].since;
    }
    for (int i = at; i < height; i++) holds[i] = holds[i + 1];
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    REAL(pthread_mutex_lock, dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    taken++;
    int result = pthread_mutex_trylock(mutex);
    if (result == EBUSY) {
        unsigned long began = clock_ns(CLOCK_MONOTONIC);
        result = real(mutex);
        note_wait(clock_ns(CLOCK_MONOTONIC) - began);
    }
    if (result == 0) enter(mutex);
    return result;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    REAL(pthread_mutex_unlock, dlsym(RTLD_NEXT, "pthread_mutex_unlock"));
    leave(mutex);
    return real(mutex);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    REAL(pthread_cond_wait, dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2"));
    leave(mutex);
    int result = real(condition, mutex);
    enter(mutex);
    return result;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    REAL(pthread_cond_timedwait, dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2"));
    leave(mutex);
    int result = real(condition, mutex, until);
    enter(mutex);
    return result;
}

long syscall(long number, ...) {
    REAL(syscall, dlsym(RTLD_NEXT, "syscall"));
    long words[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) words[i] = va_arg(list, long);
    va_end(list);
    int operation = number == SYS_futex ? (int)words[1] & FUTEX_CMD_MASK : -1;
    int waits_here = operation == FUTEX_LOCK_PI || operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET;
    unsigned long began = waits_here ? clock_ns(CLOCK_MONOTONIC) : 0;
    long result = real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    int error = errno;
    if (waits_here) note_wait(clock_ns(CLOCK_MONOTONIC) - began);
    errno = error;
    return result;
}

static void write_places(FILE *file, const char *kind, struct place *table) {
    static char program[512];
    // By the name it was started with the program may not be found.
    if (!*program && readlink("/proc/self/exe", program, sizeof program - 1) < 0) strcpy(program, "?");
    Dl_info own;
    int knows_program = dladdr((void *)getauxval(AT_ENTRY), &own) != 0;
    for (int i = 0; i < places; i++) {
        struct place *place = &table[i];
        if (!place->count) continue;
        fprintf(file, "%s %lu %lu", kind, (unsigned long)place->count, (unsigned long)place->nanoseconds);
        for (int frame = 0; frame < place->frame_count; frame++) {
            Dl_info info;
            if (dladdr(place->frames[frame], &info) && info.dli_fbase)
                fprintf(file, " %s+%lx", knows_program && info.dli_fbase == own.dli_fbase ? program : info.dli_fname,
                    (char *)place->frames[frame] - (char *)info.dli_fbase);
        }
        fputc('\n', file);
    }
}

static void write_threads(FILE *file) {
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) {
        fprintf(file, "thread 0 %s\n", strerror(errno));
        return;
    }
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300], name[64] = "";
        unsigned long run = 0;
        FILE *in;
        if (*task->d_name == '.') continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        if (!(in = fopen(path, "r"))) continue;
        if (fgets(name, sizeof name, in)) name[strcspn(name, "\n")] = 0;
        fclose(in);
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", task->d_name);
        if ((in = fopen(path, "r"))) {
            if (fscanf(in, "%lu", &run) != 1) run = 0;
            fclose(in);
        }
        fprintf(file, "thread %lu %s\n", run, name);
    }
    closedir(tasks);
}

static void write_report(void) {
    char path[512], part[600], command[256] = "";
    snprintf(path, sizeof path, "%s/%d", getenv("LOCKS"), getpid());
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "w");
    if (!file) return;
    FILE *in = fopen("/proc/self/cmdline", "r");
    if (in) {
        size_t count = fread(command, 1, sizeof command - 1, in);
        for (size_t i = 0; i + 1 < count; i++) if (!command[i]) command[i] = ' ';
        fclose(in);
    }
    fprintf(file, "command %s\n", command);
    fprintf(file, "total %lu %lu %lu\n", (unsigned long)taken, (unsigned long)waited, (unsigned long)waited_ns);
    write_places(file, "wait", waits);
    write_places(file, "lock", locks);
    write_threads(file);
    fclose(file);
    rename(part, path);
}

static void *write_reports(void *nothing) {
    inside = 1;
    for (;;) {
        sleep(1);
        write_report();
    }
    return nothing;
}

__attribute__((constructor)) static void begin(void) {
    void *frames[2];
    // The first call loads a library.
    backtrace(frames, 2);
    pthread_t thread;
    if (!getenv("LOCKS") || pthread_create(&thread, NULL, write_reports, NULL) != 0) return;
    pthread_setname_np(thread, "locks.c");
    pthread_detach(thread);
}
