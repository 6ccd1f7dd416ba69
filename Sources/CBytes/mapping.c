#define _GNU_SOURCE
#include "isomer_mapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct isomer_guard {
    // Set once, before the guard is reachable.
    struct isomer_guard *next;
    _Atomic bool is_used;
    _Atomic bool is_damaged;
    // start == end while the guard guards nothing.
    _Atomic uintptr_t start;
    _Atomic uintptr_t end;
};

// Guards are never freed, only used again, so that the handler can walk the list at any moment.
static _Atomic(struct isomer_guard *) guards;
static struct sigaction previous;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_error;
static uintptr_t page_size;

static void handle(int signal, siginfo_t *info, void *context) {
    int saved_errno = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (struct isomer_guard *guard = atomic_load(&guards); guard; guard = guard->next) {
        uintptr_t start = atomic_load(&guard->start), end = atomic_load(&guard->end);
        if (address < start || address >= end) continue;
        // A file loses bytes at its end only, so the rest of the range is gone too: one mapping instead of a fault for each page.
        uintptr_t page = address & ~(page_size - 1);
        void *zeros = mmap((void *)page, end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (zeros == MAP_FAILED) break;
        atomic_store(&guard->is_damaged, true);
        errno = saved_errno;
        return;
    }
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(signal, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal);
    } else {
        // Returning repeats the access, which then ends the process as if this handler had never been there.
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_DFL;
        sigaction(signal, &action, NULL);
    }
    errno = saved_errno;
}

static void install(void) {
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, &previous) != 0) install_error = errno;
}

struct isomer_guard *isomer_guard_add(const void *start, size_t length) {
    pthread_once(&once, install);
    if (install_error) {
        errno = install_error;
        return NULL;
    }
    struct isomer_guard *guard = atomic_load(&guards);
    for (; guard; guard = guard->next) {
        bool unused = false;
        if (atomic_compare_exchange_strong(&guard->is_used, &unused, true)) break;
    }
    if (!guard) {
        guard = calloc(1, sizeof *guard);
        if (!guard) return NULL;
        atomic_store(&guard->is_used, true);
        guard->next = atomic_load(&guards);
        while (!atomic_compare_exchange_weak(&guards, &guard->next, guard)) {
        }
    }
    atomic_store(&guard->is_damaged, false);
    // The end goes last: until then the range is empty.
    atomic_store(&guard->end, 0);
    atomic_store(&guard->start, (uintptr_t)start);
    atomic_store(&guard->end, (uintptr_t)start + length);
    return guard;
}

bool isomer_guard_is_damaged(const struct isomer_guard *guard) { return atomic_load(&guard->is_damaged); }

void isomer_guard_remove(struct isomer_guard *guard) {
    atomic_store(&guard->end, 0);
    atomic_store(&guard->start, 0);
    atomic_store(&guard->is_used, false);
}
