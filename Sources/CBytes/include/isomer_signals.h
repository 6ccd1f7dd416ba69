#pragma once
// Being asked to stop. The handlers are in C because a signal handler may call only async-signal-safe functions, and nothing in Swift
// promises to be one.

/// Sets handlers for SIGINT, SIGTERM and SIGHUP, and ignores SIGPIPE and SIGXFSZ, which then arrive as EPIPE and EFBIG.
/// A signal that is ignored already (as under nohup) stays ignored. The first signal sets a flag; the second removes every registered
/// temporary and ends the process with status 128 + signal.
void isomer_signals_install(void);

/// The first signal that came, or 0.
int isomer_signals_received(void);

/// Acts as if `signal` had come for the first time; 0 forgets. For tests and for programs with handlers of their own.
void isomer_signals_set(int signal);

/// Remembers a temporary file or folder (copied) to remove if the process is ended by a second signal. Returns its slot, or -1 if there is
/// no room, in which case the next run's sweep removes it instead.
int isomer_temporaries_add(const char *path, int is_folder);

/// Forgets what `isomer_temporaries_add` returned; -1 is allowed.
void isomer_temporaries_remove(int slot);

/// From here to the matching isomer_temporaries_let_go a second signal ends the process without removing temporaries: some of them may be all
/// that is left of what was there before. The next run puts that back.
void isomer_temporaries_hold(void);
void isomer_temporaries_let_go(void);
