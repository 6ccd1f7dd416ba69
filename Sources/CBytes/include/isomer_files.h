#pragma once
// File calls that differ between systems or that Swift's overlay of the C library leaves out. Each returns -1 and sets errno on failure.

#include <stdint.h>
#include <sys/types.h>

enum isomer_rename_mode {
    /// The target may exist and is replaced.
    ISOMER_RENAME_REPLACE = 0,
    /// EEXIST if the target exists.
    ISOMER_RENAME_NO_REPLACE = 1,
    /// Both exist and swap names in one step.
    ISOMER_RENAME_EXCHANGE = 2,
};

/// rename(2) with a mode. EINVAL, ENOSYS or ENOTSUP where this file system or kernel lacks the mode.
int isomer_rename(const char *from, const char *to, int mode);

/// Asks the kernel to start writing what is dirty in the file, without waiting for it. A no-op where there is no such call.
int isomer_start_writeback(int descriptor);

/// Gives a file blocks for all of its `count` bytes, and that size; ENOSYS where there is no such call.
int isomer_preallocate(int descriptor, uint64_t count);

/// The flag of open(2) for writing past the system's cache; 0 where there is none.
int isomer_direct_flag(void);

/// copy_file_range(2) between two offsets; ENOSYS where there is none.
ssize_t isomer_copy_file_range(int from, uint64_t from_offset, int to, uint64_t to_offset, size_t count);

/// Flushes a file or folder to the device: F_FULLFSYNC where fsync does not do that, fsync elsewhere.
int isomer_sync(int descriptor);
