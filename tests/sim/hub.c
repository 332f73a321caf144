#include "tests/sim/hub.h"

#include <limits.h>
#include <stdio.h>

#include "tests/sim/link.h"

/* Where the operator looks is not simulated (aggregator/status.h, which knows another struct store). */
struct status;
void status_opened(struct status *status, const char *sensor, const char *from);
void status_refused(struct status *status, const char *sensor, const char *why);

void status_opened(struct status *status, const char *sensor, const char *from)
{
    (void)status, (void)sensor, (void)from;
}

void status_refused(struct status *status, const char *sensor, const char *why)
{
    (void)status, (void)sensor, (void)why;
}

struct hub hubs[HUBS];
unsigned hub_count;

static void on_peer_closed(struct peer *peer, void *data)
{
    (void)peer, (void)data;
}

static void start(struct process *process)
{
    struct hub *hub = process->owner;
    store_connect(hub->user, process);
    hub->stats = (struct stats){0};
    lanes_init(&hub->lanes, &hub->user->storage, NULL, &hub->stats, world_random());
    hub->host = (struct peer_host){.lanes = &hub->lanes,
                                   .stats = &hub->stats,
                                   .delivering_max = UINT_MAX,
                                   .closed = on_peer_closed};
}

static void clear(struct process *process)
{
    struct hub *hub = process->owner;
    hub->user->storage.up = false;
    link_hub_dies(hub);
    store_abandon(hub->user);
    stats_close(&hub->stats);
    if (hub->lanes.first)
        world_fail("memory", "%s leaves a lane behind", process->name);
}

void hub_begin(unsigned count)
{
    hub_count = count;
    for (unsigned i = 0; i < count; i++) {
        hubs[i] = (struct hub){.user = &store.users[i],
                               .process = {.owner = &hubs[i], .start = start, .clear = clear}};
        snprintf(hubs[i].process.name, sizeof hubs[i].process.name, "aggregator-%u", i);
        process_start(&hubs[i].process);
    }
}

struct hub *hub_random(void)
{
    return &hubs[world_below(hub_count)];
}
