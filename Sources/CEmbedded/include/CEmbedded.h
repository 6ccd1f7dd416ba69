// Data that conversions need offline, compressed in the binary. One header a resource; where each comes from stands in Data/README.md.
#ifndef ISOMER_CEMBEDDED_H
#define ISOMER_CEMBEDDED_H

#include "isomer_clip_merges.h"
#include "isomer_html_entities.h"
#include "isomer_lbpcascades.h"
#include "isomer_mojibake.h"
#include "isomer_t5_vocabulary.h"
#include "isomer_unicode_decompositions.h"
#include "isomer_unicode_scripts.h"

#endif
