#pragma once
#include "isomer_files.h"
#include "isomer_signals.h"
