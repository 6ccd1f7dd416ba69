#include "isomer_signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 1024 };

// A slot holds a path whose first byte says what it is: 'f' for a file, 'd' for a folder. Whoever exchanges a slot with NULL owns the path.
static _Atomic(char *) slots[SLOTS];
static _Atomic int received;
// How many hold the temporaries, and whether a handler is about to remove them.
static _Atomic int holders;
static _Atomic int is_ending;

static void remove_temporaries(void) {
    // Files first, then folders in the reverse of the order of their making as far as the slots tell; twice, so that a folder within a
    // folder goes whatever its slot. What is left anyhow is removed by the next run.
    for (int slot = 0; slot < SLOTS; slot++) {
        char *path = atomic_load(&slots[slot]);
        if (path && path[0] == 'f') unlink(path + 1);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int slot = SLOTS - 1; slot >= 0; slot--) {
            char *path = atomic_load(&slots[slot]);
            if (path && path[0] == 'd') rmdir(path + 1);
        }
    }
}

static void handle(int signal) {
    int none = 0;
    if (atomic_compare_exchange_strong(&received, &none, signal)) return;
    atomic_store(&is_ending, 1);
    if (atomic_load(&holders) == 0) remove_temporaries();
    _exit(128 + signal);
}

void isomer_signals_install(void) {
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    for (int index = 0; index < 3; index++) {
        struct sigaction before;
        if (sigaction(stops[index], NULL, &before) == 0 && before.sa_handler == SIG_IGN) continue;
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = handle;
        // Calls are restarted: the work looks at the flag between steps and needs no EINTR to notice it.
        action.sa_flags = SA_RESTART;
        sigemptyset(&action.sa_mask);
        sigaction(stops[index], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int isomer_signals_received(void) { return atomic_load_explicit(&received, memory_order_relaxed); }

void isomer_signals_set(int signal) { atomic_store(&received, signal); }

void isomer_temporaries_hold(void) {
    atomic_fetch_add(&holders, 1);
    // Either the handler saw that, or it is removing them on another thread, and this one goes no further.
    while (atomic_load(&is_ending)) pause();
}

void isomer_temporaries_let_go(void) { atomic_fetch_sub(&holders, 1); }

int isomer_temporaries_add(const char *path, int is_folder) {
    size_t length = strlen(path);
    char *copy = malloc(length + 2);
    if (!copy) return -1;
    copy[0] = is_folder ? 'd' : 'f';
    memcpy(copy + 1, path, length + 1);
    for (int slot = 0; slot < SLOTS; slot++) {
        char *none = NULL;
        if (atomic_compare_exchange_strong(&slots[slot], &none, copy)) return slot;
    }
    free(copy);
    return -1;
}

void isomer_temporaries_remove(int slot) {
    if (slot < 0 || slot >= SLOTS) return;
    // Not freed once a signal came: the handler of a second one may be reading it on another thread at this moment.
    char *path = atomic_exchange(&slots[slot], NULL);
    if (!isomer_signals_received()) free(path);
}
