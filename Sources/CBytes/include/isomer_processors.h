#pragma once

/// How many processors this process may run on: its affinity mask where there is one, else those that are online. At least 1.
int isomer_available_processors(void);
