#pragma once
#include "isomer_files.h"
#include "isomer_mapping.h"
#include "isomer_processors.h"
#include "isomer_signals.h"
