/*
 * Pcapng: the packets of a pcapng file, handed out in batches. Used by capture, which gives it a
 * function that reads the file from its first byte: pcapng_new, pcapng_find to learn the first
 * packet's link type, then pcapng_batch until it returns 0 or less, then pcapng_free. It knows
 * neither files nor libpcap, which reads such a file only as far as its interfaces are alike in link
 * type and snap length; those of a file that a person captured on several are not.
 *
 * Sections, each in a byte order of its own; interfaces, each with a link type, a resolution and an
 * offset of time; enhanced, simple and (obsolete) packet blocks. Blocks of other types are passed
 * over. Memory is bounded by PCAPNG_BLOCK_MAX and PCAPNG_INTERFACES_MAX. Format:
 * draft-ietf-opsawg-pcapng sections 3 and 4.
 */
#ifndef COLLECTOR_PCAPNG_H
#define COLLECTOR_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/capture.h"
#include "collector/pcapfile.h"

#define PCAPNG_BLOCK_MAX      (16u << 20) /* libpcap's bound */
#define PCAPNG_INTERFACES_MAX 65536       /* of a section */

struct pcapng;

/* Whether a file that begins so, of which `size` bytes are at hand, is a pcapng. */
bool pcapng_begins(const uint8_t *head, size_t size);

/* A reader; NULL without memory. */
struct pcapng *pcapng_new(pcapfile_read read, void *user);
void pcapng_free(struct pcapng *file);

/* Reads up to the next packet without taking it: 1, 0 when no packet comes, or an error as
 * pcapng_batch. */
int pcapng_find(struct pcapng *file);

/* Takes the next packets, at most `max` (at least 1) and all of one link type. Returns how many, 0 at
 * the end of the file, ERR_DAMAGED (pcapng_damage says how), ERR_NOMEM, or ERR_IO when `read` failed;
 * these for ever after. Their `data` is borrowed until the next call. A simple packet block has no
 * time: it is 0. Times beyond 64 bits of nanoseconds are the end of that scale. */
int pcapng_batch(struct pcapng *file, struct capture_packet *packets, int max);

/* The DLT_ value for decode() of the packets taken last, or of the one found by pcapng_find; without
 * any, of the first interface, or 0 where there is none either. */
int pcapng_linktype(const struct pcapng *file);

/* Bytes of the file before the block that comes next: where damage begins. */
uint64_t pcapng_position(const struct pcapng *file);
/* After ERR_DAMAGED: the cause. Borrowed. */
const char *pcapng_damage(const struct pcapng *file);

#endif
