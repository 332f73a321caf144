/*
 * Pcapfile: the records of a classic pcap file, read in large blocks and handed out in batches, or
 * as the little that counting per destination needs of them. Used by capture, which gives it the
 * file's first bytes and a function that reads the rest: pcapfile_new, then pcapfile_batch until it
 * returns 0 or less, with pcapfile_brief in between, then pcapfile_free. It knows
 * neither files nor libpcap; every read of memory is bounded by what the function has filled in.
 *
 * It takes files of version 2.4, in either byte order, with micro- or nanoseconds and a link type
 * that decode knows. Everything else, wrong headers too, is left to libpcap, whose rules it follows
 * to the word: a packet beyond PCAPFILE_PACKET_MAX bytes is damage, one beyond the file's snap
 * length is cut to it. Format: draft-ietf-opsawg-pcap sections 4 and 5.
 */
#ifndef COLLECTOR_PCAPFILE_H
#define COLLECTOR_PCAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/capture.h"
#include "collector/decode.h"

#define PCAPFILE_HEADER_SIZE 24
#define PCAPFILE_PACKET_MAX  262144 /* libpcap's bound for every link type of decode */

struct pcapfile;

/* Fills `out` with at least one and at most `size` bytes; 0 at the end, negative on error. */
typedef ssize_t (*pcapfile_read)(void *user, uint8_t *out, size_t size);

/* The DLT_ value of a link type as files number them, both pcap and pcapng: decode's. */
int pcapfile_dlt(uint32_t linktype);

/* Whether a file that begins so can be read here. */
bool pcapfile_supports(const uint8_t header[PCAPFILE_HEADER_SIZE]);

/* A reader of what follows a supported header; NULL without memory. */
struct pcapfile *pcapfile_new(const uint8_t header[PCAPFILE_HEADER_SIZE], pcapfile_read read,
                              void *user);
void pcapfile_free(struct pcapfile *file);

/* The DLT_ value for decode(). */
int pcapfile_linktype(const struct pcapfile *file);

/* Takes the next packets, at most `max` (at least 1): as many as lie whole in the block at hand.
 * Returns how many, 0 at the end of the file, ERR_DAMAGED (pcapfile_damage says how) or ERR_IO when
 * `read` failed; the latter two for ever after. Their `data` is borrowed until the next call. */
int pcapfile_batch(struct pcapfile *file, struct capture_packet *packets, int max);

/* Takes the next packets as long as each lies whole in the block at hand, need not be cut and is read
 * by decode_ipv4_at: at most `max`. Returns how many; after 0, pcapfile_batch tells what comes. */
size_t pcapfile_brief(struct pcapfile *file, struct packet_brief *packets, size_t max);
/* Whether the next packet can be taken without reading. */
bool pcapfile_ready(const struct pcapfile *file);

/* Bytes of the file up to the end of the last packet taken: where damage begins. */
uint64_t pcapfile_position(const struct pcapfile *file);
/* After ERR_DAMAGED: in libpcap's words. Borrowed. */
const char *pcapfile_damage(const struct pcapfile *file);

#endif
