#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
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

// The children of this process, which has one thread; -1 where the kernel does not tell.
static int list_children(pid_t *found, int most) {
    int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    int count = 0;
    pid_t pid = 0;
    char buffer[512];
    ssize_t got;
    while ((got = read(file, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (buffer[i] >= '0' && buffer[i] <= '9') {
                pid = pid * 10 + (buffer[i] - '0');
            } else if (pid > 0) {
                if (count < most) found[count++] = pid;
                pid = 0;
            }
        }
    }
    if (pid > 0 && count < most) found[count++] = pid;
    close(file);
    return count;
}

// Ends all descendants: whose parent is gone is a child of this process, so whoever is left is found in the end.
static void end_descendants(pid_t program) {
    for (int round = 0; round < 2000; round++) {
        kill(-program, SIGKILL);
        pid_t children[256];
        int count = list_children(children, 256);
        for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
        int status;
        pid_t ended;
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {}
        if (ended < 0 && errno == ECHILD) return;
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
}

// Stands between the daemon and a program: becomes the parent of all that the program starts, whatever session or group
// that puts itself into, so that all of it can be ended. Is a copy of the daemon with one thread: no allocation, no locks.
static _Noreturn void keep_program(pid_t daemon, pid_t program, uint32_t uid, int changes_ids) {
    for (int i = 0; i < 3; i++) close(i);
    // The daemon's sockets and files are not held open from here.
    syscall(SYS_close_range, 0u, ~0u, 0u);
    // Its user's programs may not signal this process, but this may end them.
    if (changes_ids) syscall(SYS_setresuid, -1, uid, -1);
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGTERM);
    // When the daemon ends, nobody waits for the program any more.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int is_over = getppid() != daemon;
    while (!is_over) {
        int status;
        pid_t ended;
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
            if (ended == program)
                _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
        siginfo_t information;
        int signal = sigwaitinfo(&awaited, &information);
        is_over = signal == SIGTERM && information.si_pid != program;
    }
    end_descendants(program);
    _exit(128 + SIGKILL);
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
    pid_t daemon = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        // Handled signals would be waited for in vain where they are ignored.
        signal(SIGCHLD, SIG_DFL);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        pid_t child = fork();
        if (child == 0)
            become_program(program, arguments, environment, descriptors, directory, changes_ids, uid, gid, ends[1]);
        if (child < 0) {
            int failed = errno;
            ssize_t ignored = write(ends[1], &failed, sizeof failed);
            (void)ignored;
            _exit(127);
        }
        keep_program(daemon, child, uid, changes_ids);
    }
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

int martlet_spawn_closes_others(void *actions) { return posix_spawn_file_actions_addclosefrom_np(actions, 3); }

int martlet_end_program(int pid) { return kill(pid, SIGTERM) && errno != ESRCH ? -1 : 0; }

int martlet_open_process(int pid) { return (int)syscall(434 /* SYS_pidfd_open */, pid, 0); }
