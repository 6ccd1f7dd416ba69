// Loaded with LD_PRELOAD, fails one chosen system call of a process.
//
//   FAULT_PROGRAM  the program to fail, by its short name; other processes that inherit the environment are left alone
//   FAULT_AT       which call to fail, counted from 1 over all kinds below together
//   FAULT_KIND     ENOSPC, EIO, EINTR: the call fails so, once. FULL: this and every later one fails with ENOSPC. SHORT: the call does half
//   FAULT_REPORT   a file that gets one line, "CALL NUMBER", when the fault happens
//
// Counted are the calls that make, fill, sync and rename files: write, pwrite, copy_file_range, fallocate, ftruncate, fsync, fdatasync, rename
// and renameat2 on regular files and folders. EINTR is not given to ftruncate, which never answers it for the file systems of this world;
// SHORT applies to the first three; FULL leaves renames that exchange two names alone. A fault that the call cannot have is passed on to the next call that can.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { NONE, NO_SPACE, IO, INTERRUPTED, FULL, SHORT };

static enum kind kind;
static long at;
static const char *report;
static _Atomic long calls;
static _Atomic int happened;

__attribute__((constructor)) static void prepare(void) {
    const char *program = getenv("FAULT_PROGRAM"), *name = getenv("FAULT_KIND"), *number = getenv("FAULT_AT");
    report = getenv("FAULT_REPORT");
    if (!program || !name || !number || strcmp(program, program_invocation_short_name) != 0) return;
    static const struct {
        const char *name;
        enum kind kind;
    } kinds[] = {{"ENOSPC", NO_SPACE}, {"EIO", IO}, {"EINTR", INTERRUPTED}, {"FULL", FULL}, {"SHORT", SHORT}};
    for (size_t index = 0; index < sizeof kinds / sizeof *kinds; index++)
        if (strcmp(name, kinds[index].name) == 0) kind = kinds[index].kind;
    at = atol(number);
}

// Terminals and pipes are left alone: what is printed is not what is tested.
static int is_counted(int descriptor) {
    struct stat status;
    if (descriptor < 0) return 1;
    return fstat(descriptor, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

// What this call must suffer. `descriptor` is -1 for calls on names.
static enum kind fault(const char *call, int descriptor, int may_interrupt, int may_be_short) {
    if (kind == NONE || !is_counted(descriptor)) return NONE;
    if (kind == SHORT && !may_be_short) return NONE;
    if (kind == INTERRUPTED && !may_interrupt) return NONE;
    // Two names that exist can be exchanged on the fullest disk.
    if (kind == FULL && strcmp(call, "exchange") == 0) return NONE;
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (number != at && !(kind == FULL && number > at)) return NONE;
    if (atomic_exchange(&happened, 1) == 0 && report) {
        char line[128];
        int length = snprintf(line, sizeof line, "%s %ld\n", call, number);
        // Past this library, whose own calls are not to be counted.
        long file = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (file >= 0) {
            syscall(SYS_write, file, line, length);
            syscall(SYS_close, file);
        }
    }
    return kind;
}

static int error_of(enum kind kind) { return kind == IO ? EIO : kind == INTERRUPTED ? EINTR : ENOSPC; }

#define NEXT(result, name, ...) \
    static result (*next)(__VA_ARGS__); \
    if (!next) next = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define FAIL_OR_HALVE(call, descriptor, count) \
    switch (fault(call, descriptor, 1, (count) > 1)) { \
    case NONE: break; \
    case SHORT: (count) /= 2; break; \
    default: errno = error_of(kind); return -1; \
    }

#define FAIL(call, descriptor, may_interrupt) \
    if (fault(call, descriptor, may_interrupt, 0) != NONE) { \
        errno = error_of(kind); \
        return -1; \
    }

ssize_t write(int descriptor, const void *bytes, size_t count) {
    NEXT(ssize_t, "write", int, const void *, size_t);
    FAIL_OR_HALVE("write", descriptor, count)
    return next(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
    FAIL_OR_HALVE("pwrite", descriptor, count)
    return next(descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    FAIL_OR_HALVE("pwrite", descriptor, count)
    return next(descriptor, bytes, count, offset);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags) {
    NEXT(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    FAIL_OR_HALVE("copy_file_range", to, count)
    return next(from, from_offset, to, to_offset, count, flags);
}

int fallocate(int descriptor, int mode, off_t offset, off_t count) {
    NEXT(int, "fallocate", int, int, off_t, off_t);
    FAIL("fallocate", descriptor, 1)
    return next(descriptor, mode, offset, count);
}

int ftruncate(int descriptor, off_t size) {
    NEXT(int, "ftruncate", int, off_t);
    FAIL("ftruncate", descriptor, 0)
    return next(descriptor, size);
}

int fsync(int descriptor) {
    NEXT(int, "fsync", int);
    FAIL("fsync", descriptor, 1)
    return next(descriptor);
}

int fdatasync(int descriptor) {
    NEXT(int, "fdatasync", int);
    FAIL("fdatasync", descriptor, 1)
    return next(descriptor);
}

int rename(const char *from, const char *to) {
    NEXT(int, "rename", const char *, const char *);
    FAIL("rename", -1, 1)
    return next(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    NEXT(int, "renameat2", int, const char *, int, const char *, unsigned);
    FAIL(flags & RENAME_EXCHANGE ? "exchange" : "renameat2", -1, 1)
    return next(from_folder, from, to_folder, to, flags);
}
