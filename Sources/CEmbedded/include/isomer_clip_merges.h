// CLIP's byte pair merges as the numbers of their halves, gzip: see `CLIPVocabulary`.
#ifndef ISOMER_CLIP_MERGES_H
#define ISOMER_CLIP_MERGES_H

#include <stddef.h>
#include <stdint.h>

const uint8_t *isomer_clip_merges_bytes(void);
size_t isomer_clip_merges_count(void);

#endif
