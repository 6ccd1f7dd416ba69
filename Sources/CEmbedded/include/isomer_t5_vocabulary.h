// T5's vocabulary as a SentencePiece model, gzip.
#ifndef ISOMER_T5_VOCABULARY_H
#define ISOMER_T5_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

const uint8_t *isomer_t5_vocabulary_bytes(void);
size_t isomer_t5_vocabulary_count(void);

#endif
