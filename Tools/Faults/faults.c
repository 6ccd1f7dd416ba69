// Loaded with LD_PRELOAD, makes one chosen system call of a process meet a fault.
//
//   FAULT_PROGRAM  the program to fail, by its short name; other processes that inherit the environment are left alone
//   FAULT_AT       which call, counted from 1 over all calls below that can have this kind of fault
//   FAULT_KIND     ENOSPC, EIO, EINTR  the call fails so, once
//                  FULL                this and every later call that needs room fails with ENOSPC
//                  SHORT               the call does half; a direct write (O_DIRECT) ends in the middle of a block
//                  EINVAL              a copy inside the kernel or a direct write is something that this file system does not do, once
//                  INT, TERM, HUP, KILL  the process gets this signal just before the call
//                  CHANGE, TRUNCATE, VANISH  somebody else changes a byte of FAULT_SOURCE, cuts it in half or removes it just before the call
//   FAULT_SOURCE   that file
//   FAULT_REPORT   a file that gets one line, "CALL NUMBER", when the fault happens
//
// The calls are those in `can_have`. Terminals and pipes are left alone: what is printed is not what is tested.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { NONE, NO_SPACE, IO, INTERRUPTED, FULL, SHORT, INVALID, SIGNAL, CHANGE, TRUNCATE, VANISH };

// What a call needs or may do, which decides what can happen to it.
enum {
    NEEDS_ROOM = 1,  // answers ENOSPC
    IS_SLOW = 2,     // may answer EINTR
    MAY_BE_SHORT = 4,
    IS_OPTIONAL = 8,  // some file systems answer EINVAL
};

static enum kind kind;
static int signal_number;
static long at;
static const char *report, *source;
static _Atomic long calls;
static _Atomic int happened;

__attribute__((constructor)) static void prepare(void) {
    const char *program = getenv("FAULT_PROGRAM"), *name = getenv("FAULT_KIND"), *number = getenv("FAULT_AT");
    report = getenv("FAULT_REPORT");
    source = getenv("FAULT_SOURCE");
    if (!program || !name || !number || strcmp(program, program_invocation_short_name) != 0) return;
    static const struct {
        const char *name;
        enum kind kind;
        int signal;
    } kinds[] = {
        {"ENOSPC", NO_SPACE, 0}, {"EIO", IO, 0},           {"EINTR", INTERRUPTED, 0}, {"FULL", FULL, 0},     {"SHORT", SHORT, 0},
        {"EINVAL", INVALID, 0},  {"INT", SIGNAL, SIGINT},  {"TERM", SIGNAL, SIGTERM}, {"HUP", SIGNAL, SIGHUP}, {"KILL", SIGNAL, SIGKILL},
        {"CHANGE", CHANGE, 0},   {"TRUNCATE", TRUNCATE, 0}, {"VANISH", VANISH, 0},
    };
    at = atol(number);
    for (size_t index = 0; index < sizeof kinds / sizeof *kinds; index++) {
        if (strcmp(name, kinds[index].name) != 0) continue;
        signal_number = kinds[index].signal;
        kind = kinds[index].kind;
    }
}

// Descriptors of regular files and folders only, and not standard output and error.
static int is_counted(int descriptor) {
    struct stat status;
    if (descriptor < 0) return 1;
    if (descriptor <= 2 || syscall(SYS_fstat, descriptor, &status) != 0) return 0;
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

static int can_have(enum kind kind, int call, int is_exchange) {
    switch (kind) {
    case NONE: return 0;
    case NO_SPACE: return call & NEEDS_ROOM;
    // Two names that exist can be exchanged on the fullest disk.
    case FULL: return (call & NEEDS_ROOM) && !is_exchange;
    case INTERRUPTED: return call & IS_SLOW;
    case SHORT: return call & MAY_BE_SHORT;
    case INVALID: return call & IS_OPTIONAL;
    default: return 1;
    }
}

// Past this library, whose own calls are not to be counted.
static void tell(const char *call, long number) {
    char line[128];
    int length = snprintf(line, sizeof line, "%s %ld\n", call, number);
    long file = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0) return;
    syscall(SYS_write, file, line, length);
    syscall(SYS_close, file);
}

static void spoil_source(void) {
    if (!source) return;
    if (kind == VANISH) {
        syscall(SYS_unlink, source);
        return;
    }
    long file = syscall(SYS_openat, AT_FDCWD, source, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    off_t middle = syscall(SYS_lseek, file, 0, SEEK_END) / 2;
    char byte = 0;
    if (kind == TRUNCATE) {
        syscall(SYS_ftruncate, file, middle);
    } else if (syscall(SYS_pread64, file, &byte, 1, middle) == 1) {
        byte ^= 1;
        syscall(SYS_pwrite64, file, &byte, 1, middle);
    }
    syscall(SYS_close, file);
}

// What this call must suffer; NONE for what happens beside it. `descriptor` is -1 for calls on names.
static enum kind fault(const char *name, int descriptor, int call) {
    int is_exchange = strcmp(name, "exchange") == 0;
    if (!can_have(kind, call, is_exchange) || !is_counted(descriptor)) return NONE;
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (number != at && !(kind == FULL && number > at)) return NONE;
    if (atomic_exchange(&happened, 1) == 0 && report) tell(name, number);
    switch (kind) {
    case SIGNAL: syscall(SYS_kill, getpid(), signal_number); return NONE;
    case CHANGE:
    case TRUNCATE:
    case VANISH: spoil_source(); return NONE;
    default: return kind;
    }
}

static int error_of(enum kind kind) {
    switch (kind) {
    case IO: return EIO;
    case INTERRUPTED: return EINTR;
    case INVALID: return EINVAL;
    default: return ENOSPC;
    }
}

#define NEXT(result, name, ...) \
    static result (*next)(__VA_ARGS__); \
    if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define FAIL_WITH(name, descriptor, call, failure) \
    if (fault(name, descriptor, call) != NONE) { \
        errno = error_of(kind); \
        return failure; \
    }

#define FAIL(name, descriptor, call) FAIL_WITH(name, descriptor, call, -1)

#define FAIL_OR_HALVE(name, descriptor, count, call) \
    switch (fault(name, descriptor, (call) | ((count) > 1 ? MAY_BE_SHORT : 0))) { \
    case NONE: break; \
    case SHORT: (count) /= 2; break; \
    default: errno = error_of(kind); return -1; \
    }

ssize_t read(int descriptor, void *bytes, size_t count) {
    NEXT(ssize_t, "read", int, void *, size_t);
    FAIL_OR_HALVE("read", descriptor, count, IS_SLOW)
    return next(descriptor, bytes, count);
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    NEXT(ssize_t, "pread", int, void *, size_t, off_t);
    FAIL_OR_HALVE("pread", descriptor, count, IS_SLOW)
    return next(descriptor, bytes, count, offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
    NEXT(ssize_t, "pread64", int, void *, size_t, off64_t);
    FAIL_OR_HALVE("pread", descriptor, count, IS_SLOW)
    return next(descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    NEXT(ssize_t, "write", int, const void *, size_t);
    FAIL_OR_HALVE("write", descriptor, count, NEEDS_ROOM | IS_SLOW)
    return next(descriptor, bytes, count);
}

static ssize_t write_at(ssize_t (*next)(int, const void *, size_t, off_t), int descriptor, const void *bytes, size_t count, off_t offset) {
    int flags = fcntl(descriptor, F_GETFL);
    int is_direct = flags >= 0 && (flags & O_DIRECT);
    switch (fault(is_direct ? "direct" : "pwrite", descriptor,
                  NEEDS_ROOM | IS_SLOW | (count > 1 ? MAY_BE_SHORT : 0) | (is_direct ? IS_OPTIONAL : 0))) {
    case NONE: return next(descriptor, bytes, count, offset);
    case SHORT: break;
    default: errno = error_of(kind); return -1;
    }
    if (!is_direct) return next(descriptor, bytes, count / 2, offset);
    // Devices do not end a direct write inside a block by themselves, so the cache has to.
    fcntl(descriptor, F_SETFL, flags & ~O_DIRECT);
    ssize_t written = next(descriptor, bytes, count / 2 + 1, offset);
    fcntl(descriptor, F_SETFL, flags);
    return written;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return write_at(next, descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return write_at(next, descriptor, bytes, count, offset);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags) {
    NEXT(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    FAIL_OR_HALVE("copy_file_range", to, count, NEEDS_ROOM | IS_SLOW | IS_OPTIONAL)
    return next(from, from_offset, to, to_offset, count, flags);
}

int fallocate(int descriptor, int mode, off_t offset, off_t count) {
    NEXT(int, "fallocate", int, int, off_t, off_t);
    FAIL("fallocate", descriptor, NEEDS_ROOM | IS_SLOW)
    return next(descriptor, mode, offset, count);
}

int ftruncate(int descriptor, off_t size) {
    NEXT(int, "ftruncate", int, off_t);
    // Never interrupted on the file systems of this world.
    FAIL("ftruncate", descriptor, NEEDS_ROOM)
    return next(descriptor, size);
}

int fsync(int descriptor) {
    NEXT(int, "fsync", int);
    FAIL("fsync", descriptor, NEEDS_ROOM | IS_SLOW)
    return next(descriptor);
}

int fdatasync(int descriptor) {
    NEXT(int, "fdatasync", int);
    FAIL("fdatasync", descriptor, NEEDS_ROOM | IS_SLOW)
    return next(descriptor);
}

int rename(const char *from, const char *to) {
    NEXT(int, "rename", const char *, const char *);
    FAIL("rename", -1, NEEDS_ROOM | IS_SLOW)
    return next(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    NEXT(int, "renameat2", int, const char *, int, const char *, unsigned);
    FAIL(flags & RENAME_EXCHANGE ? "exchange" : "renameat2", -1, NEEDS_ROOM | IS_SLOW)
    return next(from_folder, from, to_folder, to, flags);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(int, "mkdir", const char *, mode_t);
    FAIL("mkdir", -1, NEEDS_ROOM)
    return next(path, mode);
}

DIR *opendir(const char *path) {
    NEXT(DIR *, "opendir", const char *);
    FAIL_WITH("opendir", -1, 0, NULL)
    return next(path);
}

// What the system says of itself is not on the disk that fails.
static int is_on_disk(const char *path) { return strncmp(path, "/proc/", 6) != 0 && strncmp(path, "/sys/", 5) != 0 && strncmp(path, "/dev/", 5) != 0; }

int open(const char *path, int flags, ...) {
    NEXT(int, "open", const char *, int, ...);
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    if (is_on_disk(path)) FAIL("open", -1, IS_SLOW | (flags & O_CREAT ? NEEDS_ROOM : 0))
    return next(path, flags, mode);
}
