#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <syslog.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif
#include <string.h>

int martlet_accept4(int fd, int flags) { return accept4(fd, NULL, NULL, flags); }

void martlet_limit_waits(int fd, int64_t milliseconds) {
    struct timeval patience = {milliseconds / 1000, milliseconds % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

int martlet_connect_unix(const char *path, int flags, int milliseconds) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (descriptor < 0) return -errno;
    martlet_limit_waits(descriptor, milliseconds);
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    int failed = errno;
    close(descriptor);
    return -failed;
}

int martlet_pipe2(int ends[2], int flags) { return pipe2(ends, flags); }

int martlet_mkostemp(char *name, int flags) { return mkostemp(name, flags); }

void martlet_syslog(int priority, const char *text) { syslog(LOG_MAIL | priority, "%s", text); }

int martlet_syncfs(int fd) { return syncfs(fd); }

static gid_t own_groups[1024];
static int own_group_count;
static pthread_once_t own_groups_once = PTHREAD_ONCE_INIT;

static void read_own_groups(void) { own_group_count = getgroups(1024, own_groups); }

static int set_fsids(uint32_t uid, uint32_t gid) {
    // setfsuid reports no error: it returns the previous id, so ask again with an invalid one.
    setfsgid(gid);
    setfsuid(uid);
    if ((uint32_t)setfsgid((gid_t)-1) != gid || (uint32_t)setfsuid((uid_t)-1) != uid) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

int martlet_act_as(uint32_t uid, uint32_t gid) {
    pthread_once(&own_groups_once, read_own_groups);
    // By the plain system call, which is about this thread: that of the C library is about all of them.
    if (own_group_count < 0 || syscall(SYS_setgroups, 0, NULL)) {
        errno = EPERM;
        return -1;
    }
    return set_fsids(uid, gid);
}

int martlet_act_as_self(void) {
    int failed = set_fsids(geteuid(), getegid());
    pthread_once(&own_groups_once, read_own_groups);
    if (own_group_count > 0 && syscall(SYS_setgroups, own_group_count, own_groups)) failed = -1;
    return failed;
}

int martlet_become(uint32_t uid, uint32_t gid, const char *name, int keeps_setid) {
    if (name != NULL ? initgroups(name, gid) : setgroups(0, NULL)) return -1;
    if (keeps_setid && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) return -1;
    if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) return -1;
    if (keeps_setid) {
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
        data[0].permitted = data[0].effective = 1u << CAP_SETUID | 1u << CAP_SETGID;
        if (syscall(SYS_capset, &header, data)) return -1;
    }
    // It stays undumpable, as giving root up has made it: its memory holds passwords and keys, and programs of scripts may
    // run under the same ids, which could look at it else.
    return 0;
}

int martlet_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

void martlet_close_others_on_exec(void) { syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */); }

void martlet_bound_unused_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

void martlet_trim_memory(void) { malloc_trim(0); }

size_t martlet_unused_memory(void) { return mallinfo2().fordblks; }

void martlet_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

void martlet_die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

static uint32_t crc32c_table[256];

__attribute__((constructor)) static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = (c & 1) ? 0x82F63B78u ^ (c >> 1) : c >> 1;
        crc32c_table[i] = c;
    }
}

static uint32_t crc32c_portable(uint32_t crc, const unsigned char *p, size_t n) {
    while (n--) crc = crc32c_table[(crc ^ *p++) & 0xFF] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(uint32_t crc, const unsigned char *p, size_t n) {
    uint64_t c = crc;
    while (n >= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        c = _mm_crc32_u64(c, v);
        p += 8;
        n -= 8;
    }
    uint32_t r = (uint32_t)c;
    while (n--) r = _mm_crc32_u8(r, *p++);
    return r;
}
#endif

uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = bytes;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc32c_sse42(~crc, p, count);
#endif
    return ~crc32c_portable(~crc, p, count);
}

int64_t martlet_birth_time(int fd) {
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0) return 0;
    if (!(status.stx_mask & STATX_BTIME)) return 0;
    return (int64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
}

intptr_t martlet_read_at_hand(int fd, void *out, size_t count, int64_t offset) {
    struct iovec piece = {out, count};
    return preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
}

int martlet_open_at_hand(int directory, const char *path, int flags) {
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = RESOLVE_CACHED};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int martlet_never_asks_others(int fd) {
    struct statfs status;
    if (fstatfs(fd, &status) != 0) return 0;
    switch ((unsigned long)status.f_type) {
    case 0xEF53:      // ext2 to ext4
    case 0x58465342:  // XFS
    case 0x9123683E:  // Btrfs
    case 0x2FC12FC1:  // ZFS
    case 0xF2F52010:  // F2FS
    case 0x01021994:  // tmpfs
        return 1;
    default: return 0;
    }
}

int martlet_punch_hole(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
