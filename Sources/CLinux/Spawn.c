#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

// Between fork and exec only what is safe there: no allocation, no locks. The ids are set by plain system calls, since
// those of the C library tell all threads, and here is only one.
static _Noreturn void become_program(
    const char *program, char *const arguments[], char *const environment[], const int descriptors[3],
    const char *directory, int changes_ids, uint32_t uid, uint32_t gid, int report) {
    setpgid(0, 0);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // Out of the way of 0 to 2 first, so that none of them is overwritten before it is used.
    int moved[3];
    int failed = 0;
    for (int i = 0; i < 3; i++) {
        moved[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 10);
        if (moved[i] < 0) failed = errno;
    }
    report = fcntl(report, F_DUPFD_CLOEXEC, 10);
    for (int i = 0; i < 3 && !failed; i++) {
        if (dup2(moved[i], i) < 0) failed = errno;
    }
    // All others are closed by exec. Older kernels: what the daemon opens is marked so anyway.
    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    if (!failed && changes_ids) {
        if (uid == 0 || syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, gid, gid, gid)
            || syscall(SYS_setresuid, uid, uid, uid))
            failed = uid == 0 ? EPERM : errno;
    }
    if (!failed && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) failed = errno;
    if (!failed && (directory == NULL || chdir(directory)) && chdir("/")) failed = errno;
    if (!failed) {
        struct rlimit core = {0, 0};
        setrlimit(RLIMIT_CORE, &core);
        execve(program, arguments, environment);
        failed = errno;
    }
    ssize_t ignored = write(report, &failed, sizeof failed);
    (void)ignored;
    _exit(127);
}

int martlet_start_program(
    const char *program, char *const arguments[], char *const environment[], const int descriptors[3],
    const char *directory, int changes_ids, uint32_t uid, uint32_t gid) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return -1;
    sigset_t all, before;
    sigfillset(&all);
    // A signal in the child must not run a handler of the daemon.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        become_program(program, arguments, environment, descriptors, directory, changes_ids, uid, gid, ends[1]);
    int failed = pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid > 0) {
        ssize_t count;
        do count = read(ends[0], &failed, sizeof failed);
        while (count < 0 && errno == EINTR);
        if (count != (ssize_t)sizeof failed) failed = 0;
    }
    close(ends[0]);
    if (pid > 0 && failed) {
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    }
    errno = failed;
    return failed ? -1 : (int)pid;
}

int martlet_end_program(int pid, uint32_t uid) {
    if (kill(-pid, SIGKILL) == 0 || errno == ESRCH) return 0;
    if (errno != EPERM) return -1;
    // Only who has the program's user id may end it: this thread has it for a moment. Plain system calls, since those of
    // the C library would change all threads.
    uid_t own = geteuid();
    uid_t files = (uid_t)setfsuid((uid_t)-1);
    if (syscall(SYS_setresuid, -1, uid, -1)) return -1;
    int failed = kill(-pid, SIGKILL) && errno != ESRCH ? errno : 0;
    syscall(SYS_setresuid, -1, own, -1);
    setfsuid(files);
    errno = failed;
    return failed ? -1 : 0;
}

int martlet_open_process(int pid) { return (int)syscall(434 /* SYS_pidfd_open */, pid, 0); }
