// What the Glibc module map leaves out because it needs _GNU_SOURCE, or because it is variadic.
#ifndef MARTLET_CLINUX_H
#define MARTLET_CLINUX_H
#include <stddef.h>
#include <stdint.h>

/// accept4(2): -1 with errno on failure.
int martlet_accept4(int fd, int flags);
/// Has connecting, reading and writing of a socket fail with EAGAIN (connecting: EINPROGRESS, over the network) after so many
/// milliseconds; 0: they wait as long as it takes.
void martlet_limit_waits(int fd, int64_t milliseconds);
/// Connects to a unix stream socket, closed on exec; `flags`: SOCK_NONBLOCK or 0. Its waits are limited as by
/// `martlet_limit_waits`. The negative errno on failure.
int martlet_connect_unix(const char *path, int flags, int milliseconds);
/// pipe2(2), the end to read from first: -1 with errno on failure.
int martlet_pipe2(int ends[2], int flags);
/// mkostemp(3), which writes over the six X at the end of `name`: -1 with errno on failure.
int martlet_mkostemp(char *name, int flags);
/// syslog(3) with facility mail.
void martlet_syslog(int priority, const char *text);
/// syncfs(2) on the file system that holds `fd`: -1 with errno on failure.
int martlet_syncfs(int fd);
/// Reads what of a file is in memory and waits for nothing: the octets up to the first that is not, or to the file's end;
/// -1 with errno (EAGAIN) when there are none, and where the file system or the kernel cannot say.
intptr_t martlet_read_at_hand(int fd, void *out, size_t count, int64_t offset);
/// openat2(2) of a path that the kernel has in memory; -1 with errno (EAGAIN) when the disk would have to be asked, and
/// where the kernel cannot say (before 5.12).
int martlet_open_at_hand(int directory, const char *path, int flags);
/// Whether a descriptor's file system is a local one, which no server or program has to answer for.
int martlet_never_asks_others(int fd);
/// fallocate(2) that gives a file's blocks back and leaves zeros there: -1 with errno on failure.
int martlet_punch_hole(int fd, int64_t offset, int64_t length);
/// setfsuid(2) and setfsgid(2) for the calling thread, and no further group; 0 when all of that is in force afterwards,
/// else -1. What is to be allowed to the group of this process is not for others.
int martlet_act_as(uint32_t uid, uint32_t gid);
/// Gives the calling thread the ids and groups of the process again; -1 when that fails.
int martlet_act_as_self(void);
/// Becomes another user for good: ids, groups of `name` (NULL: none). `keeps_setid` keeps CAP_SETUID and
/// CAP_SETGID and nothing else. For a process with one thread. -1 with errno when any part failed.
int martlet_become(uint32_t uid, uint32_t gid, const char *name, int keeps_setid);
/// prctl(PR_SET_NO_NEW_PRIVS) for the calling thread and those it starts later.
int martlet_no_new_privileges(void);
/// Marks every descriptor above 2 to be closed in programs started from here; older kernels ignore it.
void martlet_close_others_on_exec(void);
/// mallopt(3): has each arena of the allocator give back what is free at its end from 8 MiB on. malloc_trim does so only in
/// the first arena, and the allocator's own bound grows to 64 MiB once large blocks have been freed.
void martlet_bound_unused_memory(void);
/// malloc_trim(3): gives memory that the allocator holds and nobody uses back to the system.
void martlet_trim_memory(void);
/// mallinfo2(3): octets that the allocator holds and nobody uses, those already given back among them.
size_t martlet_unused_memory(void);
/// prctl(2): the name of the calling thread, of at most 15 octets; the rest of a longer one is left out.
void martlet_name_thread(const char *name);
/// Has the kernel kill this process when the thread that started it ends.
void martlet_die_with_parent(void);
/// Starts a program in a process group of its own and answers the pid of its keeper, a process that ends as the program
/// does (128 and the signal's number for one that a signal ended); -1 with errno when it cannot be started. What the program
/// leaves behind when it ends by itself lives on. When this process ends, the program does, with all it has started.
/// `descriptors` become 0 to 2, all others are closed; `arguments` and `environment` end with NULL. It begins in
/// `directory`, or in / where that cannot be entered, with no signal blocked or ignored and under no_new_privs. With
/// `changes_ids` it runs as that user and group and in no other group; that takes CAP_SETUID and CAP_SETGID, and 0 is
/// refused.
int martlet_start_program(
    const char *program, char *const arguments[], char *const environment[], const int descriptors[3],
    const char *directory, int changes_ids, uint32_t uid, uint32_t gid);
/// Adds to a posix_spawn_file_actions_t, behind what gives the program its descriptors 0 to 2, that all others are
/// closed: not every library marks its own to be closed, NIO's connections are not. The error's number on failure.
int martlet_spawn_closes_others(void *actions);
/// Ends a program by the keeper's pid, with everything that it has started, in whatever session or group that is. The
/// keeper ends when all of it has. -1 with errno on failure.
int martlet_end_program(int pid);
/// pidfd_open(2): a descriptor that is readable once the process has ended; -1 with errno on failure.
int martlet_open_process(int pid);
/// CRC-32C (Castagnoli) of `count` octets, continued from `crc` (0 to start).
uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t count);
/// When an open file was made, in nanoseconds since 1970; 0 where the file system does not say. No copy has it.
int64_t martlet_birth_time(int fd);
#endif
