#include "isomer_level.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

// Whether there are tile registers and Linux saves them for this process, which it does only for those that ask.
static bool may_use_tiles(void) {
    enum { OSXSAVE = 1 << 27, AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, TILE_STATES = 3 << 17 };
    enum { ARCH_GET_XCOMP_PERM = 0x1022, ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE)) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_BF16) || !(d & AMX_TILE)) return false;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & TILE_STATES) != TILE_STATES) return false;
    unsigned long granted = 0;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 &&
           syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &granted) == 0 && (granted >> XFEATURE_XTILEDATA & 1);
}
#elif defined(__x86_64__)
static bool may_use_tiles(void) { return false; }
#endif

bool isomer_level_supported(isomer_level level) {
    if (level == ISOMER_LEVEL_BASELINE) return true;
#if defined(__x86_64__)
    // __builtin_cpu_supports also asks the operating system whether it saves the wide registers.
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
    if (level == ISOMER_LEVEL_AVX2) return avx2;
    const bool avx512 =
        avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq");
    if (level == ISOMER_LEVEL_AVX512) return avx512;
    const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
    if (level == ISOMER_LEVEL_AVX512BF16) return bf16;
    if (level == ISOMER_LEVEL_AMX) return bf16 && may_use_tiles();
#elif defined(__aarch64__) && defined(__APPLE__)
    return level == ISOMER_LEVEL_AVX2;
#elif defined(__aarch64__) && defined(__linux__)
    return level == ISOMER_LEVEL_AVX2 && (getauxval(AT_HWCAP) & (1UL << 7)) != 0;  // HWCAP_CRC32
#endif
    return false;
}

const char *isomer_level_wish(void) {
    const char *wish = getenv("ISOMER_KERNELS");
    return wish == NULL || *wish == '\0' ? NULL : wish;
}

static isomer_level best_level(void) {
    isomer_level level = ISOMER_LEVEL_BASELINE;
    if (isomer_level_supported(ISOMER_LEVEL_AVX2)) level = ISOMER_LEVEL_AVX2;
    if (isomer_level_supported(ISOMER_LEVEL_AVX512)) level = ISOMER_LEVEL_AVX512;
    if (isomer_level_supported(ISOMER_LEVEL_AVX512BF16)) level = ISOMER_LEVEL_AVX512BF16;
    if (isomer_level_supported(ISOMER_LEVEL_AMX)) level = ISOMER_LEVEL_AMX;

    const char *wish = isomer_level_wish();
    if (wish == NULL) return level;
    if (strcmp(wish, "baseline") == 0) return ISOMER_LEVEL_BASELINE;
    if (strcmp(wish, "avx2") == 0 && level > ISOMER_LEVEL_AVX2) return ISOMER_LEVEL_AVX2;
    if (strcmp(wish, "avx512") == 0 && level > ISOMER_LEVEL_AVX512) return ISOMER_LEVEL_AVX512;
    if (strcmp(wish, "avx512bf16") == 0 && level > ISOMER_LEVEL_AVX512BF16) return ISOMER_LEVEL_AVX512BF16;
    return level;
}

isomer_level isomer_level_current(void) {
    // Two threads that come here at once find the same answer, so the order of their stores does not matter.
    static _Atomic int cached = -1;
    int level = atomic_load_explicit(&cached, memory_order_relaxed);
    if (level < 0) {
        level = (int)best_level();
        atomic_store_explicit(&cached, level, memory_order_relaxed);
    }
    return (isomer_level)level;
}
