#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct world world;

struct event {
    uint64_t at_us, order;
    world_fn *fn;
    void *data;
    uint64_t number;
};

static struct {
    struct event *heap;
    size_t count, room;
    uint64_t made;
} events;

void world_begin(uint64_t seed)
{
    bool trace = world.trace;
    world = (struct world){.seed = seed, .trace = trace};
    world.random = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    snprintf(world.replay, sizeof world.replay, "make sim SEED=%" PRIu64, seed);
    for (int i = 0; i < 8; i++)
        world_random();
    events.count = 0;
    events.made = 0;
}

void world_end(void)
{
    free(events.heap);
    memset(&events, 0, sizeof events);
}

/* xorshift64*. */
uint64_t world_random(void)
{
    world.random ^= world.random >> 12;
    world.random ^= world.random << 25;
    world.random ^= world.random >> 27;
    return world.random * UINT64_C(0x2545F4914F6CDD1D);
}

uint64_t world_below(uint64_t bound)
{
    return bound ? (world_random() >> 16) % bound : 0;
}

bool world_chance(unsigned per_mille)
{
    return world_below(1000) < per_mille;
}

uint64_t world_between(uint64_t from, uint64_t to)
{
    return from + world_below(to - from + 1);
}

/* --- events: a heap by time, then by the order in which they were made ------------------------- */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(size_t a, size_t b)
{
    struct event event = events.heap[a];
    events.heap[a] = events.heap[b];
    events.heap[b] = event;
}

void world_after(uint64_t delay_us, world_fn *fn, void *data, uint64_t number)
{
    if (events.count == events.room) {
        events.room = events.room ? events.room * 2 : 256;
        events.heap = realloc(events.heap, events.room * sizeof *events.heap);
        if (!events.heap)
            abort();
    }
    size_t at = events.count++;
    events.heap[at] = (struct event){world.now_us + delay_us, events.made++, fn, data, number};
    for (; at > 0 && before(&events.heap[at], &events.heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(at, (at - 1) / 2);
}

static struct event take(void)
{
    struct event first = events.heap[0];
    events.heap[0] = events.heap[--events.count];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2 && child < events.count; child++)
            if (before(&events.heap[child], &events.heap[least]))
                least = child;
        if (least == at)
            return first;
        swap(at, least);
        at = least;
    }
}

void world_run(uint64_t until_us, bool (*more)(void), void (*check)(void))
{
    while (events.count > 0 && events.heap[0].at_us <= until_us && more()) {
        struct event event = take();
        world.now_us = event.at_us;
        world.step++;
        event.fn(event.data, event.number);
        check();
    }
}

/* --- words ------------------------------------------------------------------------------------ */

static void say(const char *who, const char *format, va_list args)
{
    printf("%11.6f %-12s ", (double)world.now_us / 1e6, who);
    vprintf(format, args);
    putchar('\n');
}

void world_say(const char *format, ...)
{
    va_list args;
    if (!world.trace)
        return;
    va_start(args, format);
    say(world.running ? world.running->name : "-", format, args);
    va_end(args);
}

void world_fail(const char *invariant, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "sim: seed %" PRIu64 ", step %" PRIu64 ", %.6f s: broken: %s\n  ", world.seed,
            world.step, (double)world.now_us / 1e6, invariant);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n  again: %s\n", world.replay);
    exit(1);
}

/* --- processes -------------------------------------------------------------------------------- */

static void bury(struct process *process)
{
    world.running = process;
    world_say("dies");
    process->dead = true;
    process->clear(process);
    process->alive = process->dead = false;
    process->fuse = 0;
    world.running = NULL;
}

static void start_again(void *data, uint64_t life)
{
    struct process *process = data;
    if (!process->alive && process->life == life)
        process_start(process);
}

bool process_enter(struct process *process, unsigned life)
{
    if (!process->alive || process->life != life)
        return false;
    world.running = process;
    return true;
}

void process_leave(void)
{
    struct process *process = world.running;
    world.running = NULL;
    if (process->dead) {
        bury(process);
        world_after(world_between(SECOND / 20, 3 * SECOND), start_again, process, process->life);
    }
}

bool process_acts(void)
{
    struct process *process = world.running;
    if (process->dead)
        return false;
    if (process->fuse > 0 && --process->fuse == 0) {
        process->dead = true;
        return false;
    }
    return true;
}

void process_start(struct process *process)
{
    process->life++;
    process->alive = true;
    process->fuse = 0;
    world.running = process;
    world_say("starts");
    process->start(process);
    process_leave();
}

void process_kill(struct process *process)
{
    if (!process->alive)
        return;
    world.running = process;
    process->dead = true;
    process_leave();
}

void process_arm(struct process *process, unsigned acts)
{
    process->fuse = acts;
}

void process_exit(struct process *process)
{
    if (!process->dead)
        world_say("ends");
    process->dead = true; /* what is done later in this call has no effect */
}

/* --- what the programs log -------------------------------------------------------------------- */

/* checks.c: what is said to be lost was not lost silently. */
void checks_heard(const char *line);

static void hear(const char *format, va_list args)
{
    char line[2048];
    vsnprintf(line, sizeof line, format, args);
    if (world.running && world.running->dead)
        return;
    checks_heard(line);
    world_say("| %s", line);
}

#define LOG(name)                                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        hear(format, args);                                                                        \
        va_end(args);                                                                              \
    }

LOG(log_info)
LOG(log_warn)
LOG(log_error)
void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
LOG(notice)
