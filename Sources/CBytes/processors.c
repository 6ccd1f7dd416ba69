#define _GNU_SOURCE
#include "isomer_processors.h"

#include <stdlib.h>
#include <unistd.h>

#if defined(__linux__)
#include <errno.h>
#include <sched.h>

static int affinity_count(void) {
    // The kernel refuses a mask that is shorter than its own, so the mask grows until it fits.
    for (int processors = 1024; processors <= 1 << 20; processors *= 2) {
        cpu_set_t *set = CPU_ALLOC(processors);
        if (!set) return 0;
        size_t size = CPU_ALLOC_SIZE(processors);
        int code = sched_getaffinity(0, size, set);
        int count = code == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (code == 0 || errno != EINVAL) return count;
    }
    return 0;
}
#else
static int affinity_count(void) { return 0; }
#endif

int isomer_available_processors(void) {
    int count = affinity_count();
    if (count < 1) count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count;
}
