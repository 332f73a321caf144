#include "tests/sim/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/child.h"
#include "common/err.h"
#include "tests/sim/checks.h"

struct machine machines[MACHINES];
unsigned machine_count;

/* --- the pipe --------------------------------------------------------------------------------- */

static void tell(void *data, uint64_t life)
{
    struct machine *machine = data;
    if (!machine->shipping_made || !process_enter(&machine->ship, (unsigned)life))
        return;
    for (unsigned i = 0; i < machine->note_count; i++)
        shipping_note(&machine->shipping, &machine->notes[i]);
    shipping_noted(&machine->shipping);
    machine_shipped(machine);
    process_leave();
}

void child_note(struct child *child, enum ship_note_kind kind, const uint8_t epoch[EPOCH_SIZE],
                uint64_t seq)
{
    struct machine *machine = world.running->owner;
    unsigned at = 0;
    (void)child;
    if (!process_acts())
        return;
    checks_offered(machine, epoch, seq);
    while (at < machine->note_count && memcmp(machine->notes[at].epoch, epoch, EPOCH_SIZE) != 0)
        at++;
    if (at == MACHINE_NOTES)
        abort();
    machine->note_count += at == machine->note_count;
    machine->notes[at] = (struct ship_note){.kind = kind, .seq = seq};
    memcpy(machine->notes[at].epoch, epoch, EPOCH_SIZE);
    world_after(world_between(10, 3000), tell, machine, machine->ship.life);
}

/* --- capture ---------------------------------------------------------------------------------- */

static void go_on(void *data, uint64_t life);

static void later(struct machine *machine, uint64_t delay_us)
{
    world_after(delay_us, go_on, machine, machine->capture.life);
}

/* Opens what comes next: the capture to be replayed, or the journal. ERR_...: it is tried again. */
static int open_next(struct machine *machine, char *errmsg)
{
    const struct source *replay = machine->replay;
    if (replay) {
        struct spool_identity identity = {
            .replay = true,
            .darknet = (char *)replay->darknet,
            .first_ns = replay->base_s * INT64_C(1000000000),
            .last_ns = (replay->base_s + 60 * replay->count) * INT64_C(1000000000) - 1};
        memcpy(identity.epoch, replay->epoch, EPOCH_SIZE);
        strcpy(identity.sensor, replay->sensor);
        return spool_writer_open(&machine->writer, DISK_SPOOL, &identity, errmsg);
    }
    int64_t now_ns = disk_wall_s(&machine->disk) * INT64_C(1000000000);
    return journal_open(&machine->journal, &machine->sensor, now_ns, errmsg);
}

/* One record of the capture, of those that the spool does not have. */
static void replay_one(struct machine *machine)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct source *source = machine->replay;
    uint64_t last = spool_writer_last(machine->writer);
    int rc = 0;
    if (last < source->count) {
        struct record record;
        record_init(&record);
        source_record(source, (unsigned)last, &record);
        source->facts[last].made = true;
        rc = sensor_append(&machine->sensor, machine->writer, source->epoch, &record, errmsg);
        record_close(&record);
    }
    last = spool_writer_last(machine->writer);
    if (rc == 0 && (last == source->count || world_chance(400)))
        rc = sensor_publish(&machine->sensor, machine->writer, source->epoch, errmsg);
    if (rc)
        world_say("%s", errmsg);
    if (rc == 0 && last == source->count && !world.running->dead) {
        world_say("has replayed its capture");
        spool_writer_close(machine->writer);
        machine->writer = NULL;
        machine->replay = NULL;
    }
}

static void make_record(struct machine *machine)
{
    struct source *source = machine->live;
    struct record record;
    if (source->count >=
        (machine->quiet ? SOURCE_RECORDS : SOURCE_RECORDS - 1)) /* one is for the end */
        return;
    struct fact *fact = &source->facts[source->count];
    record_init(&record);
    source_record(source, source->count, &record);
    *fact = (struct fact){.made = true, .life = machine->capture.life};
    source->count++;
    journal_append(machine->journal, &record);
    record_close(&record);
}

static void go_on(void *data, uint64_t life)
{
    struct machine *machine = data;
    char errmsg[ERRMSG_SIZE] = "";
    if (!process_enter(&machine->capture, (unsigned)life))
        return;
    if (!machine->writer && !machine->journal && (machine->replay || machine->live)) {
        int rc = open_next(machine, errmsg);
        if (rc)
            world_say("cannot begin: %s", errmsg);
        later(machine, rc ? SECOND : 1);
    } else if (machine->writer) {
        replay_one(machine);
        later(machine, world_between(1, 2 * machine->pace_us));
    } else if (machine->journal) {
        if (!machine->quiet && world_chance(500))
            make_record(machine);
        if (world_chance(700))
            journal_publish(machine->journal);
        later(machine, world_between(1, machine->pace_us));
    }
    process_leave();
}

void machine_record(struct machine *machine)
{
    if (!machine->journal || !process_enter(&machine->capture, machine->capture.life))
        return;
    make_record(machine);
    journal_publish(machine->journal);
    process_leave();
}

static void capture_start(struct process *process)
{
    later(process->owner, 1);
}

static void capture_clear(struct process *process)
{
    struct machine *machine = process->owner;
    journal_close(machine->journal);
    spool_writer_close(machine->writer);
    machine->journal = NULL;
    machine->writer = NULL;
}

/* --- ship ------------------------------------------------------------------------------------- */

static uint64_t env_now_ms(void *user)
{
    (void)user;
    return world.now_us / 1000;
}

static int64_t env_now_s(void *user)
{
    struct machine *machine = user;
    return disk_wall_s(&machine->disk);
}

static uint32_t env_random(void *user)
{
    (void)user;
    return (uint32_t)world_random();
}

static int env_connect(void *user, char *errmsg)
{
    struct machine *machine = user;
    (void)errmsg;
    if (process_acts())
        machine->link = link_connect(machine);
    return 0;
}

static void env_disconnect(void *user)
{
    struct machine *machine = user;
    if (machine->link)
        link_disconnect(machine->link);
}

static bool env_free(void *user)
{
    struct machine *machine = user;
    return machine->link && link_free(machine->link);
}

static void env_send(void *user, struct buf *bytes)
{
    struct machine *machine = user;
    link_send(machine->link, bytes);
}

static void wake(void *data, uint64_t life)
{
    struct machine *machine = data;
    if (machine->wake_us > world.now_us || !machine->shipping_made ||
        !process_enter(&machine->ship, (unsigned)life))
        return;
    machine->wake_us = 0;
    shipping_wake(&machine->shipping);
    machine_shipped(machine);
    process_leave();
}

void machine_shipped(struct machine *machine)
{
    checks_shipped(machine);
    if (machine->shipping.finished) {
        world_say("ship is over: result %d", (int)shipping_result(&machine->shipping));
        process_exit(&machine->ship);
        return;
    }
    uint64_t due = shipping_wake_ms(&machine->shipping) * 1000;
    due = due > world.now_us ? due : world.now_us;
    if (machine->wake_us != 0 && machine->wake_us <= due)
        return;
    machine->wake_us = due;
    world_after(due - world.now_us, wake, machine, machine->ship.life);
}

/* As keeper.c does it: what is there is settled before it is offered. */
static int list_spool(struct spool_epoch **epochs, size_t *count, char *errmsg)
{
    int rc = spool_list(DISK_SPOOL, epochs, count, errmsg);
    if (rc)
        return rc;
    for (size_t i = 0; i < *count && rc == 0; i++)
        rc = spool_settle(&(*epochs)[i], errmsg);
    if (rc)
        spool_list_free(*epochs, *count);
    return rc;
}

static void ship_start(struct process *process)
{
    struct machine *machine = process->owner;
    char errmsg[ERRMSG_SIZE] = "";
    struct spool_epoch *epochs;
    size_t count;
    machine->wake_us = 0;
    machine->link = NULL;
    if (list_spool(&epochs, &count, errmsg) != 0) {
        world_say("cannot begin: %s", errmsg);
        process_exit(process);
        return;
    }
    if (*errmsg)
        world_fail("every epoch can be read", "%s", errmsg);
    if (shipping_init(&machine->shipping, &machine->options, &machine->env, epochs, count) != 0)
        abort();
    machine->shipping_made = true;
    shipping_wake(&machine->shipping);
    machine_shipped(machine);
    world_after(1000, tell, machine, process->life);
}

static void ship_clear(struct process *process)
{
    struct machine *machine = process->owner;
    link_ship_dies(machine);
    if (machine->shipping_made)
        shipping_close(&machine->shipping);
    machine->shipping_made = false;
}

void machine_restart_ship(struct machine *machine)
{
    static const struct ship_note stop = {.kind = SHIP_STOP};
    if (!machine->shipping_made || !process_enter(&machine->ship, machine->ship.life))
        return;
    world_say("is told to stop");
    shipping_note(&machine->shipping, &stop);
    shipping_noted(&machine->shipping);
    machine_shipped(machine);
    process_leave();
}

/* --- the machine ------------------------------------------------------------------------------ */

void machine_power_cut(struct machine *machine)
{
    process_kill(&machine->capture);
    process_kill(&machine->ship);
    machine->note_count = 0;
    world_say("the power of %s is cut", machine->capture.name);
    disk_power_cut(&machine->disk);
}

void machine_add(struct source *live, struct source *replay)
{
    unsigned number = machine_count++;
    struct machine *machine = &machines[number];
    const struct source *source = live ? live : replay;
    *machine = (struct machine){.live = live, .replay = replay};
    machine->sensor = (struct sensor){.name = (char *)source->sensor,
                                      .darknet_text = (char *)source->darknet,
                                      .spool = DISK_SPOOL};
    machine->options = (struct ship_options){.spool = DISK_SPOOL,
                                             .aggregator = "unix:/a",
                                             .retention_s = world_between(1, 30),
                                             .patience_s = SHIP_PATIENCE_S};
    if (world_chance(200))
        machine->options.max_bytes = world_between(1, 6) * SPOOL_SEGMENT_MAX;
    machine->env = (struct shipping_env){machine,     env_now_ms,     env_now_s, env_random,
                                         env_connect, env_disconnect, env_free,  env_send};
    machine->pace_us = world_between(SECOND / 5, 3 * SECOND);
    disk_init(&machine->disk, UINT64_C(1) << 20);
    machine->capture = (struct process){
        .owner = machine, .disk = &machine->disk, .start = capture_start, .clear = capture_clear};
    machine->ship = machine->capture;
    machine->ship.start = ship_start;
    machine->ship.clear = ship_clear;
    snprintf(machine->capture.name, sizeof machine->capture.name, "capture-%u", number);
    snprintf(machine->ship.name, sizeof machine->ship.name, "ship-%u", number);
}

void machine_begin(void)
{
    for (unsigned i = 0; i < machine_count; i++) {
        process_start(&machines[i].ship);
        process_start(&machines[i].capture);
    }
}

void machine_end(void)
{
    for (unsigned i = 0; i < machine_count; i++) {
        process_kill(&machines[i].ship);
        process_kill(&machines[i].capture);
        disk_close(&machines[i].disk);
    }
    machine_count = 0;
}
