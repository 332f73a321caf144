#include "tests/sim/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/checks.h"
#include "tests/sim/hub.h"
#include "tests/sim/link.h"
#include "tests/sim/machine.h"
#include "tests/sim/store.h"

struct tally tally;

/* --- faults ----------------------------------------------------------------------------------- */

static struct machine *any_machine(void)
{
    return &machines[world_below(machine_count)];
}

/* Mostly both ends find out; a connection of which one end does not know costs minutes. */
static enum cut any_cut(void)
{
    return world_chance(850) ? CUT_BOTH : (enum cut)world_below(CUTS);
}

static void cut_link(void)
{
    struct link *link = link_random();
    if (link)
        link_cut(link, any_cut());
    tally.cuts++;
}

static void mend_machine(void *data, uint64_t unused)
{
    struct machine *machine = data;
    (void)unused;
    machine->cut = false;
}

static void cut_machine(void)
{
    struct machine *machine = any_machine();
    world_say("the network of %s is cut", machine->ship.name);
    machine->cut = true;
    if (machine->link)
        link_cut(machine->link, any_cut());
    world_after(world_between(SECOND / 2, 30 * SECOND), mend_machine, machine, 0);
}

static struct process *any_process(void)
{
    struct machine *machine = any_machine();
    switch (world_below(3)) {
    case 0:
        return &machine->capture;
    case 1:
        return &machine->ship;
    default:
        return &hub_random()->process;
    }
}

static void kill_process(void)
{
    tally.kills++;
    process_kill(any_process());
}

/* In the midst of what it does next. */
static void kill_at_a_step(void)
{
    tally.kills++;
    process_arm(any_process(), (unsigned)world_between(1, 40));
}

static void cut_power(void)
{
    machine_power_cut(any_machine());
}

static void restart_ship(void)
{
    machine_restart_ship(any_machine());
}

static void give_room(void *data, uint64_t unused)
{
    struct machine *machine = data;
    (void)unused;
    machine->disk.capacity = UINT64_C(1) << 20;
}

static void fill_disk(void)
{
    struct machine *machine = any_machine();
    world_say("the disk of %s is full", machine->capture.name);
    machine->disk.capacity = disk_used(&machine->disk) + world_below(4) * 512;
    world_after(world_between(SECOND, 20 * SECOND), give_room, machine, 0);
}

static void spoil_syncs(void)
{
    any_machine()->disk.bad_syncs = (unsigned)world_between(1, 3);
}

static void step_clock(void)
{
    struct machine *machine = any_machine();
    int64_t step = (int64_t)world_between(1, 200) - 100;
    world_say("the clock of %s is set by %d s", machine->capture.name, (int)step);
    machine->disk.clock_s += step;
    machine->early |= step > 0;
}

static void crash_store(void)
{
    store_crash();
}

static void cut_store(void)
{
    store_cut(&store.users[world_below(store.user_count)]);
}

static void keep_store(void)
{
    store_keep();
}

static void go_back(void)
{
    tally.went_back += store.has_kept;
    store_go_back();
}

static void (*const faults[])(void) = {
    cut_link,       cut_link,    cut_machine,  kill_process, kill_at_a_step,
    kill_at_a_step, cut_power,   restart_ship, fill_disk,    spoil_syncs,
    step_clock,     crash_store, cut_store,    keep_store,   go_back,
};
#define FAULTS (sizeof faults / sizeof *faults)

static struct {
    bool on[FAULTS]; /* not every run knows every fault: some hide others */
    uint64_t pace_us, end_us;
} plan;

static void fault(void *data, uint64_t unused)
{
    (void)data;
    if (world.healing)
        return;
    size_t pick = world_below(FAULTS);
    if (plan.on[pick])
        faults[pick]();
    world_after(world_between(1, 2 * plan.pace_us), fault, NULL, unused);
}

/* --- a run ------------------------------------------------------------------------------------ */

static bool always(void)
{
    return true;
}

static bool not_drained(void)
{
    return !checks_drained();
}

static void build(void)
{
    unsigned sensors = (unsigned)world_between(1, 3);
    source_count = 0;
    store_begin((unsigned)world_between(1, HUBS));
    for (unsigned i = 0; i < sensors; i++) {
        bool live = world_chance(750), replay = !live || world_chance(300);
        struct source *first = live ? source_add(i, false) : NULL;
        struct source *capture = replay ? source_add(i, true) : NULL;
        bool apart = first && capture && world_chance(500); /* an archive comes from elsewhere */
        machine_add(first, apart ? NULL : capture);
        if (capture && (apart || world_chance(200)))
            machine_add(NULL, capture);
    }
}

static void begin(uint64_t seed)
{
    world_begin(seed);
    checks_begin();
    build();
    disk_install();
    hub_begin(store.user_count);
    machine_begin();
}

static void end(void)
{
    tally.runs++;
    tally.steps += world.step;
    for (unsigned s = 0; s < source_count; s++)
        for (unsigned i = 0; i < sources[s].count; i++) {
            tally.records++;
            tally.fates[sources[s].facts[i].fate]++;
            tally.merged += sources[s].facts[i].merged;
        }
    machine_end();
    for (unsigned i = 0; i < hub_count; i++)
        process_kill(&hubs[i].process);
    store_end();
    link_end();
    world_end();
}

/* The faults end: everything that is down comes up again by itself. */
static void heal(void)
{
    world_say("all faults end");
    world.healing = true;
    for (unsigned i = 0; i < machine_count; i++) {
        struct machine *machine = &machines[i];
        machine->cut = false;
        machine->quiet = true;
        machine->disk.capacity = UINT64_C(1) << 20;
        machine->disk.bad_syncs = 0;
        machine->capture.fuse = machine->ship.fuse = 0;
    }
    for (unsigned i = 0; i < hub_count; i++)
        hubs[i].process.fuse = 0;
}

static void last_record(void *data, uint64_t unused)
{
    struct machine *machine = data;
    if (!machine->live)
        return;
    if (machine->journal)
        machine_record(machine);
    else /* it is not up again yet */
        world_after(SECOND, last_record, machine, unused);
}

/* Replays the capture once more: what the store has lost of it is in nobody's spool any more. */
static void replay_again(struct machine *machine)
{
    if (machine->live)
        return;
    for (unsigned s = 0; s < source_count; s++)
        if (sources[s].replay && strcmp(sources[s].sensor, machine->sensor.name) == 0)
            machine->replay = &sources[s];
    process_kill(&machine->capture);
    process_kill(&machine->ship);
}

/* Until all is delivered. A minute passes on every sensor meanwhile: one that has nothing to say does
 * not ask the aggregator where it stands. */
static void drain(void)
{
    char left[512];
    heal();
    uint64_t from_us = world.now_us;
    for (unsigned i = 0; i < machine_count; i++) {
        replay_again(&machines[i]);
        world_after(5 * SECOND, last_record, &machines[i], 0);
    }
    world_run(from_us + 10 * SECOND, always, checks_step);
    world_run(from_us + SCENARIO_DRAIN_S * SECOND, not_drained, checks_step);
    if (!checks_drained()) {
        checks_left(left);
        world_fail("the backlog drains", "%d s after the last fault: %s", SCENARIO_DRAIN_S, left);
    }
    if (world.now_us - from_us > tally.drained_us_max)
        tally.drained_us_max = world.now_us - from_us;
    checks_store();
}

void scenario_run(uint64_t seed)
{
    begin(seed);
    for (size_t i = 0; i < FAULTS; i++)
        plan.on[i] = world_chance(500);
    plan.pace_us = world_between(SECOND / 20, 2 * SECOND);
    world_after(world_between(1, 2 * plan.pace_us), fault, NULL, 0);
    world_run(world_between(3, 16) * SECOND, always, checks_step);
    drain();
    end();
}

/* --- plans ------------------------------------------------------------------------------------ */

/* One live sensor, without any fault but those of the plan. */
static struct machine *begin_plan(const char *name, uint64_t seed)
{
    world_begin(seed);
    snprintf(world.replay, sizeof world.replay, "make sim SCENARIO=%s SEED=%" PRIu64, name, seed);
    checks_begin();
    source_count = 0;
    store_begin(1);
    machine_add(source_add(0, false), NULL);
    disk_install();
    hub_begin(1);
    machine_begin();
    machines[0].options.max_bytes = 0;
    machines[0].options.retention_s = 86400;
    return &machines[0];
}

static void no_restart(const struct machine *machine)
{
    if (machine->capture.life != 1 || machine->ship.life != 1)
        world_fail("no restart is needed", "capture began %u times, ship %u times",
                   machine->capture.life, machine->ship.life);
}

static uint64_t count_fate(const struct source *source, enum fate fate)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < source->count; i++)
        count += source->facts[i].fate == fate;
    return count;
}

/* An hour without network, a record every minute; then all of it goes out, in its order. */
static void hour_cut(uint64_t seed)
{
    struct machine *machine = begin_plan("hour-cut", seed);
    machine->pace_us = 65 * SECOND;
    world_run(5 * SECOND, always, checks_step);
    machine->cut = true;
    if (machine->link)
        link_cut(machine->link, any_cut());
    world_run(3605 * SECOND, always, checks_step);
    drain();
    no_restart(machine);
    if (count_fate(machine->live, FATE_LIVES) != machine->live->count)
        world_fail("nothing is lost", "not every record of %u", machine->live->count);
    end();
}

static uint64_t count_merged(const struct source *source)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < source->count; i++)
        count += source->facts[i].merged;
    return count;
}

/* Without network the disk fills up; what does not fit waits in memory. Then the limit is kept: none was
 * ever offered, so they are merged and none is dropped, and capture goes on. */
static void full_while_cut(uint64_t seed)
{
    struct machine *machine = begin_plan("full-while-cut", seed);
    machine->pace_us = 2 * SECOND;
    machine->cut = true;
    world_run(world_between(2, 10) * SECOND, always, checks_step);
    machine->disk.capacity = disk_used(&machine->disk) + world_below(4) * 512;
    world_run(60 * SECOND, always, checks_step);
    unsigned before = machine->live->count;
    machine->disk.capacity = UINT64_C(1) << 20;
    machine->options.max_bytes = machine->shipping.manifest.max_bytes = 5 * SPOOL_SEGMENT_MAX;
    world_run(90 * SECOND, always, checks_step);
    if (machine->live->count == before && before < SOURCE_RECORDS - 1)
        world_fail("capture goes on", "no record was made in 30 s");
    drain();
    no_restart(machine);
    if (count_merged(machine->live) == 0 && machine->live->count > 50)
        world_fail("the limit is kept", "nothing was merged of %u records", machine->live->count);
    if (count_fate(machine->live, FATE_LIMIT) > 0)
        world_fail("merged before any is dropped", "%" PRIu64 " of %u records were dropped",
                   count_fate(machine->live, FATE_LIMIT), machine->live->count);
    end();
}

/* Again and again the capture process is killed in the midst of what it does, begins anew, says of records
 * that they are on disk, and the power is cut: what the process before it had not synced is not there. */
static void killed_then_cut(uint64_t seed)
{
    struct machine *machine = begin_plan("killed-then-cut", seed);
    machine->pace_us = SECOND / 4;
    uint64_t at_us = 0;
    for (int round = 0; round < 16; round++) {
        unsigned life = machine->capture.life;
        process_arm(&machine->capture, (unsigned)world_between(1, 50));
        for (int i = 0; i < 40 && machine->capture.life == life; i++)
            world_run(at_us += SECOND / 4, always, checks_step);
        world_run(at_us += world_between(SECOND / 4, SECOND), always, checks_step);
        machine_power_cut(machine);
        world_run(at_us += SECOND, always, checks_step);
    }
    drain();
    end();
}

const struct scenario scenarios[] = {{"hour-cut", hour_cut},
                                     {"full-while-cut", full_while_cut},
                                     {"killed-then-cut", killed_then_cut},
                                     {NULL, NULL}};
