#include "tests/sim/link.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/checks.h"
#include "tests/sim/hub.h"
#include "tests/sim/machine.h"

static struct link *links;

static uint64_t delay(void)
{
    return world_between(200, world_chance(30) ? 2 * SECOND : 30000);
}

/* --- bytes under way -------------------------------------------------------------------------- */

static void arrive_up(void *data, uint64_t unused);
static void arrive_down(void *data, uint64_t unused);

static void put_chunk(struct link *link, bool up, const uint8_t *bytes, size_t size)
{
    struct flow *flow = up ? &link->up : &link->down;
    struct chunk *chunk = malloc(sizeof *chunk + size);
    *chunk = (struct chunk){.end = bytes == NULL, .size = size};
    if (bytes)
        memcpy(chunk->bytes, bytes, size);
    if (flow->last)
        flow->last->next = chunk;
    else
        flow->first = chunk;
    flow->last = chunk;
    flow->bytes += size;
    uint64_t at = world.now_us + delay();
    flow->at_us = at > flow->at_us ? at : flow->at_us;
    world_after(flow->at_us - world.now_us, up ? arrive_up : arrive_down, link, 0);
}

static void put_bytes(struct link *link, bool up, const uint8_t *bytes, size_t size)
{
    bool whole = world_chance(700);
    while (size > 0) {
        size_t some = whole || size < 2 ? size : world_between(1, size);
        if (some > SESSION_CHUNK_MAX)
            some = SESSION_CHUNK_MAX;
        put_chunk(link, up, bytes, some);
        bytes += some;
        size -= some;
    }
}

static struct chunk *take_chunk(struct flow *flow)
{
    struct chunk *chunk = flow->first;
    flow->first = chunk->next;
    if (!flow->first)
        flow->last = NULL;
    flow->arrived--;
    flow->bytes -= chunk->size;
    return chunk;
}

/* --- the sensor's end ------------------------------------------------------------------------- */

static bool enter_ship(struct link *link)
{
    return link->open && process_enter(&link->machine->ship, link->ship_life);
}

static void leave_ship(struct link *link)
{
    machine_shipped(link->machine);
    process_leave();
}

static void disconnected(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    if (!enter_ship(link))
        return;
    link->open = false;
    if (link->machine->link == link)
        link->machine->link = NULL;
    shipping_disconnected(&link->machine->shipping);
    leave_ship(link);
}

static void lose(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    if (!link->closing && enter_ship(link)) {
        shipping_lost(&link->machine->shipping, "aggregator: connection lost");
        leave_ship(link);
    }
}

static void arrive_down(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    link->down.arrived++;
    struct chunk *chunk = take_chunk(&link->down);
    bool end = chunk->end;
    if (chunk->size > 0 && !link->closing && enter_ship(link)) {
        shipping_input(&link->machine->shipping, chunk->bytes, chunk->size);
        leave_ship(link);
    }
    free(chunk);
    if (end)
        lose(link, 0);
}

void link_disconnect(struct link *link)
{
    if (!link->open || link->closing)
        return;
    link->closing = true;
    if (process_acts() && link->connected && !link->up.blocked)
        put_chunk(link, true, NULL, 0);
    link->down.blocked = true;
    world_after(0, disconnected, link, 0);
}

bool link_free(const struct link *link)
{
    return link->open && link->connected && !link->busy && !link->closing;
}

static void sent(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    if (link->closing || !link->open)
        return;
    if (link->up.bytes > 65536 && !link->up.blocked) { /* the window is full */
        world_after(SECOND / 50, sent, link, 0);
        return;
    }
    link->busy = false;
    if (enter_ship(link)) {
        shipping_sent(&link->machine->shipping);
        leave_ship(link);
    }
}

/* As somebody between the two could: a record comes twice. */
static void put_frames(struct link *link, const uint8_t *bytes, size_t size)
{
    while (size >= FRAME_HEADER_SIZE) {
        size_t body =
            (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
        size_t whole = FRAME_HEADER_SIZE + body;
        if (whole > size)
            abort();
        bool record = bytes[4] == FRAME_RECORD;
        if (record)
            checks_sent(bytes + FRAME_HEADER_SIZE, body);
        if (!link->up.blocked)
            put_bytes(link, true, bytes, whole);
        if (!link->up.blocked && record && world_chance(20))
            put_bytes(link, true, bytes, whole);
        bytes += whole;
        size -= whole;
    }
}

void link_send(struct link *link, struct buf *bytes)
{
    link->busy = true;
    if (process_acts()) {
        put_frames(link, bytes->bytes, bytes->size);
        world_after(world_between(10, 2000), sent, link, 0);
    }
    bytes->size = 0;
}

static void connected(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    if (link->closing || !enter_ship(link))
        return;
    link->connected = true;
    shipping_connected(&link->machine->shipping);
    leave_ship(link);
}

/* --- the aggregator's end --------------------------------------------------------------------- */

static bool enter_hub(struct link *link)
{
    return link->peer && process_enter(&link->hub->process, link->hub_life);
}

static void closed(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    if (!enter_hub(link))
        return;
    struct peer *peer = link->peer;
    link->peer = NULL;
    peer_closed(peer);
    free(peer);
    process_leave();
}

struct line_peer {
    struct peer peer; /* first */
    struct link *link;
};

static struct link *link_of(struct peer *peer)
{
    return ((struct line_peer *)peer)->link;
}

static void took(void *data, uint64_t size)
{
    struct link *link = data;
    if (enter_hub(link)) {
        peer_sent(link->peer, size);
        process_leave();
    }
}

static int peer_send(struct peer *peer, struct buf *bytes)
{
    struct link *link = link_of(peer);
    if (process_acts()) {
        if (!link->down.blocked)
            put_bytes(link, false, bytes->bytes, bytes->size);
        world_after(world_between(10, 2000), took, link, bytes->size);
    }
    buf_close(bytes);
    return 0;
}

static void take_arrived(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    while (link->up.arrived > 0 && link->reading && enter_hub(link)) {
        struct chunk *chunk = take_chunk(&link->up);
        if (chunk->end)
            peer_close(link->peer);
        else if (chunk->size > 0)
            peer_input(link->peer, chunk->bytes, chunk->size);
        free(chunk);
        process_leave();
    }
}

static void arrive_up(void *data, uint64_t unused)
{
    struct link *link = data;
    link->up.arrived++;
    take_arrived(link, unused);
}

static int peer_read(struct peer *peer, bool wanted)
{
    struct link *link = link_of(peer);
    link->reading = wanted;
    if (wanted)
        world_after(0, take_arrived, link, 0);
    return 0;
}

static void timeout(void *data, uint64_t timer)
{
    struct link *link = data;
    if (link->timer == timer && enter_hub(link)) {
        peer_timeout(link->peer);
        process_leave();
    }
}

static void peer_wait(struct peer *peer, uint64_t ms)
{
    struct link *link = link_of(peer);
    link->timer++;
    if (ms > 0)
        world_after(ms * 1000, timeout, link, link->timer);
}

static int peer_end(struct peer *peer)
{
    struct link *link = link_of(peer);
    if (process_acts() && !link->down.blocked)
        put_chunk(link, false, NULL, 0);
    return 0;
}

static void peer_shut(struct peer *peer)
{
    struct link *link = link_of(peer);
    link->timer++;
    link->reading = false;
    if (process_acts() && !link->down.blocked)
        put_chunk(link, false, NULL, 0);
    world_after(0, closed, link, 0);
}

/* The aggregator takes the connection; where there is none the sensor is told, or not. */
static void admit(void *data, uint64_t unused)
{
    static const struct peer_line line = {peer_send, peer_read, peer_wait, peer_end, peer_shut};
    struct link *link = data;
    (void)unused;
    if (link->up.blocked)
        return;
    if (!process_enter(&link->hub->process, link->hub->process.life)) {
        world_after(delay(), lose, link, 0);
        return;
    }
    struct line_peer *made = calloc(1, sizeof *made);
    made->link = link;
    link->peer = &made->peer;
    link->hub_life = link->hub->process.life;
    peer_init(&made->peer, &link->hub->host, &line, ADDRESS_UNIX);
    world_after(delay(), connected, link, 0);
    link->down.at_us =
        world.now_us + 2 * SECOND + 1; /* no byte comes before the connection stands */
    peer_start(&made->peer);
    process_leave();
}

struct link *link_connect(struct machine *machine)
{
    struct link *link = calloc(1, sizeof *link);
    link->next = links;
    links = link;
    link->machine = machine;
    link->ship_life = machine->ship.life;
    link->hub = hub_random();
    link->open = true;
    link->up.blocked = link->down.blocked = machine->cut;
    if (machine->cut && world_chance(500))
        world_after(delay(), lose, link, 0); /* no route to it */
    else
        world_after(delay(), admit, link, 0);
    return link;
}

/* --- cuts and deaths -------------------------------------------------------------------------- */

static void shut_peer(void *data, uint64_t unused)
{
    struct link *link = data;
    (void)unused;
    if (enter_hub(link)) {
        peer_close(link->peer);
        process_leave();
    }
}

/* What is under way is lost, or some of it. */
static void block(struct flow *flow)
{
    flow->blocked = true;
    struct chunk *chunk = flow->first;
    for (size_t i = world_below(flow->arrived + 3); chunk && i > 0; i--)
        chunk = chunk->next;
    for (; chunk; chunk = chunk->next) {
        flow->bytes -= chunk->size;
        chunk->end = false;
        chunk->size = 0;
    }
}

void link_cut(struct link *link, enum cut cut)
{
    world_say("the connection of %s is cut%s", link->machine->ship.name,
              cut == CUT_BOTH         ? ""
              : cut == CUT_SENSOR     ? ", and only it knows"
              : cut == CUT_AGGREGATOR ? ", and only the aggregator knows"
                                      : ", and nobody knows");
    block(&link->up);
    block(&link->down);
    if (cut == CUT_BOTH || cut == CUT_SENSOR)
        world_after(delay(), lose, link, 0);
    if (cut == CUT_BOTH || cut == CUT_AGGREGATOR)
        world_after(delay(), shut_peer, link, 0);
}

struct link *link_random(void)
{
    size_t count = 0;
    for (struct link *link = links; link; link = link->next)
        count += link->open && !link->closing;
    size_t pick = world_below(count);
    for (struct link *link = links; link; link = link->next)
        if (link->open && !link->closing && pick-- == 0)
            return link;
    return NULL;
}

void link_hub_dies(struct hub *hub)
{
    for (struct link *link = links; link; link = link->next) {
        if (link->hub != hub || !link->peer || link->hub_life != hub->process.life)
            continue;
        struct peer *peer = link->peer;
        peer_close(peer);
        link->peer = NULL;
        peer_closed(peer);
        free(peer);
        link->up.blocked = true;
        if (world_chance(500))
            block(&link->down);
        if (!link->down.blocked || world_chance(900))
            world_after(delay(), lose, link, 0);
    }
}

void link_ship_dies(struct machine *machine)
{
    struct link *link = machine->link;
    if (!link)
        return;
    machine->link = NULL;
    link->open = false;
    block(&link->up);
    if (world_chance(800))
        world_after(delay(), shut_peer, link, 0);
}

void link_end(void)
{
    while (links) {
        struct link *link = links;
        links = link->next;
        while (link->up.first) {
            link->up.arrived++;
            free(take_chunk(&link->up));
        }
        while (link->down.first) {
            link->down.arrived++;
            free(take_chunk(&link->down));
        }
        free(link);
    }
}
