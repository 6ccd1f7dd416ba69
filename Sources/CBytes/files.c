#define _GNU_SOURCE
#include "isomer_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

int isomer_rename(const char *from, const char *to, int mode) {
    if (mode == ISOMER_RENAME_REPLACE) return rename(from, to);
#if defined(__linux__)
    // The values of RENAME_NOREPLACE and RENAME_EXCHANGE in <linux/fs.h>; not every C library has them.
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, mode == ISOMER_RENAME_NO_REPLACE ? 1 : 2);
#elif defined(__APPLE__)
    return renamex_np(from, to, mode == ISOMER_RENAME_NO_REPLACE ? RENAME_EXCL : RENAME_SWAP);
#else
    errno = ENOSYS;
    return -1;
#endif
}

int isomer_start_writeback(int descriptor) {
#if defined(__linux__)
    return sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor;
    return 0;
#endif
}

int isomer_preallocate(int descriptor, uint64_t count) {
#if defined(__linux__)
    return fallocate(descriptor, 0, 0, (off_t)count);
#else
    (void)descriptor, (void)count;
    errno = ENOSYS;
    return -1;
#endif
}

int isomer_direct_flag(void) {
#if defined(__linux__)
    return O_DIRECT;
#else
    return 0;
#endif
}

ssize_t isomer_copy_file_range(int from, uint64_t from_offset, int to, uint64_t to_offset, size_t count) {
#if defined(__linux__)
    off_t source = (off_t)from_offset, target = (off_t)to_offset;
    return copy_file_range(from, &source, to, &target, count, 0);
#else
    (void)from, (void)from_offset, (void)to, (void)to_offset, (void)count;
    errno = ENOSYS;
    return -1;
#endif
}

int isomer_sync(int descriptor) {
#if defined(__APPLE__)
    if (fcntl(descriptor, F_FULLFSYNC) == 0) return 0;
#endif
    return fsync(descriptor);
}
