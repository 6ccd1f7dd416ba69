#pragma once
// Mapped files that may be cut short while they are mapped.
//
// Touching a page beyond the end of a file raises SIGBUS. For registered ranges the handler maps zeros there instead and marks the range as
// damaged, so that the reader goes on with zeros and finds out afterwards. A SIGBUS anywhere else goes to the handler that was there before.

#include <stdbool.h>
#include <stddef.h>

struct isomer_guard;

/// Registers a range that starts on a page. Sets the handler the first time. NULL and errno if there is no memory or no handler can be set.
struct isomer_guard *isomer_guard_add(const void *start, size_t length);

/// Whether a page of the range was replaced by zeros.
bool isomer_guard_is_damaged(const struct isomer_guard *guard);

/// Forgets a range. To be called before it is unmapped, when no thread reads from it any more.
void isomer_guard_remove(struct isomer_guard *guard);
