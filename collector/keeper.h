/*
 * Keeper: the small process between the capture process and the ship process. It is forked before
 * any capture is open, gives up its privileges, starts the ship process and starts it again when
 * that dies of a signal: the capture process cannot, since a child of it would have its sandbox,
 * which has no network. It reads nothing from the network and no packet.
 *
 * One that dies again and again, each time soon after its start, is started ever more seldom: the
 * records wait in the spool, and the sensor goes on counting.
 *
 * Over the `line`, a socket of whole messages, the keeper says one KEEPER_READY or KEEPER_FAILED,
 * then any number of KEEPER_AGAIN, and ends with the exit status of the ship process, an enum
 * ship_result. The capture process says KEEPER_ENDING when nothing more is captured: a ship process
 * that dies again and again is given up then. It says KEEPER_END to end the ship process now. The
 * end of the line means that the capture process is gone: the ship process, whose notes end as well,
 * has KEEPER_LINGER_MS to deliver. When the keeper dies, the ship process dies with it.
 */
#ifndef COLLECTOR_KEEPER_H
#define COLLECTOR_KEEPER_H

#include <stdint.h>

#include "collector/ship.h"
#include "common/err.h"

#define KEEPER_LINGER_MS (SHIP_STOP_MS + 1000)

enum keeper_word_kind {
    KEEPER_READY = 1,  /* the spool is usable and pruned; a ship process runs */
    KEEPER_FAILED = 2, /* `value`: an enum err, with `text` */
    KEEPER_AGAIN = 3,  /* another ship process runs and must be told everything */
    KEEPER_ENDING = 4, /* these two by the capture process */
    KEEPER_END = 5,
};
struct keeper_word {
    uint32_t kind;
    int32_t value;
    char text[ERRMSG_SIZE];
};

/* The keeper's life, in the forked process; `options->notes` and `line` are its ends. */
_Noreturn void keeper_run(const struct ship_options *options, int line);

#endif
