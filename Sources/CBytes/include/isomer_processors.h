#pragma once

/// How many processors this process may run on: its affinity mask where there is one, else those that are online. At least 1.
int isomer_available_processors(void);

/// Tells the processor that this thread looks at a number again and again until another one changes it.
static inline void isomer_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
