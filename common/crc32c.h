/*
 * CRC-32C (Castagnoli; RFC 3720 appendix B.4): the checksum of a record in the spool and on the
 * wire.
 */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of `bytes`, continued from `crc` (0 to begin). */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);
/* The same without the processor's instruction: what crc32c uses where there is none. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t size);

#endif
