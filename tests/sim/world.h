/*
 * World: one run's time, chance, events and processes. Everything that happens in a run is an event;
 * what an event does depends on the seed alone. A process is what can be killed at any moment: its
 * effects (on a disk, the network, the store) all pass process_acts, which lets none pass any more once
 * its fuse has burnt down. So it is killed in the midst of whatever the real code is doing, and its
 * memory is then freed by that code's own functions, without effect.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND UINT64_C(1000000)   /* times are microseconds since the run began */
#define WALL_S INT64_C(1773140000) /* of all machines when it begins: 2026-03-10 10:53:20 UTC */

struct disk;

struct process {
    char name[24];
    void *owner;       /* machine or aggregator */
    struct disk *disk; /* what its file operations are on; NULL: none */
    void (*start)(struct process *process);
    void (*clear)(struct process *process); /* frees its memory; it has no effect any more */
    bool alive, dead;                       /* dead: within the call under way */
    unsigned life;                          /* how often it was started */
    unsigned fuse;                          /* acts until it dies; 0: none */
};

struct world {
    uint64_t seed, now_us, step;
    uint64_t random;
    struct process *running; /* whose code is being run */
    bool trace, healing;
    char replay[128]; /* the command that does this run again */
};
extern struct world world;

void world_begin(uint64_t seed);
/* Frees the events that are left. */
void world_end(void);

uint64_t world_random(void);
uint64_t world_below(uint64_t bound); /* 0 for 0 */
bool world_chance(unsigned per_mille);
uint64_t world_between(uint64_t from, uint64_t to); /* both included */

typedef void world_fn(void *data, uint64_t number);
void world_after(uint64_t delay_us, world_fn *fn, void *data, uint64_t number);
/* Runs events until `until_us`, or for as long as `more` says. After each of them `check`. */
void world_run(uint64_t until_us, bool (*more)(void), void (*check)(void));

void world_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The invariant is broken: says seed, step and how to see it again, and ends the program. */
void world_fail(const char *invariant, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* --- processes -------------------------------------------------------------------------------- */

/* Around every call into a process's code. process_enter: false, it does not live (or lives anew). */
bool process_enter(struct process *process, unsigned life);
void process_leave(void);
/* One effect of the running process on the world: false, it is dead and has none. */
bool process_acts(void);
void process_start(struct process *process);
/* Kills it now, or after some more acts. */
void process_kill(struct process *process);
void process_arm(struct process *process, unsigned acts);
/* It ends by itself. */
void process_exit(struct process *process);

#endif
