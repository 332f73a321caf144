#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "aggregator/session.h"
#include "common/err.h"
#include "tests/unit/aggregator/sensor.h"

/* What a run of bytes made of a session: the events in order and the frames that came out. */
struct outcome {
    char events[128]; /* O opens, R records, P probes, X refused */
    char frames[128]; /* h hello, s resume, a ack, p probed, x refuse */
    enum refuse_code code;
    enum session_state state;
};

static void read_out(struct session *session, struct outcome *outcome)
{
    static const char names[] = "?hOsRaxLJCPp";
    struct frame frame;
    size_t need;
    int64_t size;
    char errmsg[ERRMSG_SIZE];
    while (session->out.size > 0) {
        size = frame_read(session->out.bytes, session->out.size, &frame, &need, errmsg);
        cr_assert(size > 0, "%s", errmsg);
        outcome->frames[strlen(outcome->frames)] = names[frame.type];
        if (frame.type == FRAME_REFUSE)
            outcome->code = frame.refuse.code;
        frame_close(&frame);
        buf_consume(&session->out, (size_t)size);
    }
}

/* Plays the lane: accepts every OPEN and every record, which is durable at once. Returns false at
 * the end of what can be done. */
static bool play(struct session *session, struct outcome *outcome)
{
    char *event = &outcome->events[strlen(outcome->events)];
    switch (session_next(session)) {
    case SESSION_OPENS:
        *event = 'O';
        session_opened(session, 7);
        return true;
    case SESSION_RECORDS:
        *event = 'R';
        session_taken(session, true);
        session_durable(session, 1, 8);
        return true;
    case SESSION_PROBES:
        *event = 'P';
        session_probed(session);
        return true;
    case SESSION_REFUSED:
        *event = 'X';
        return false;
    case SESSION_JOINS:
    case SESSION_NOTHING:
        break;
    }
    return false;
}

/* Feeds the bytes in pieces of `first` and the rest. */
static struct outcome converse(const struct buf *bytes, size_t first)
{
    struct outcome outcome = {0};
    struct session session;
    cr_assert_eq(session_init(&session), 0);
    cr_assert_eq(session_feed(&session, bytes->bytes, first), 0);
    while (play(&session, &outcome))
        ;
    cr_assert_eq(session_feed(&session, bytes->bytes + first, bytes->size - first), 0);
    if (!strchr(outcome.events, 'X'))
        while (play(&session, &outcome))
            ;
    read_out(&session, &outcome);
    outcome.state = session.state;
    session_close(&session);
    return outcome;
}

static void put_open(struct buf *out, const char *sensor)
{
    struct frame_open open = {.darknet = (char[]){SENSOR_DARKNET}};
    strcpy(open.sensor, sensor);
    cr_assert_eq(frame_put_open(out, &open), 0);
}

static void put_record(struct buf *out)
{
    uint64_t random = 1;
    struct record record;
    struct buf sealed;
    record_init(&record);
    buf_init(&sealed);
    sensor_record(&record, "s", 1, 1, 60, &random);
    cr_assert_eq(record_seal(&record, &sealed, NULL), 0);
    cr_assert_eq(frame_put_record(out, sealed.bytes, sealed.size), 0);
    buf_close(&sealed);
    record_close(&record);
}

/* The streams of the table: O open of s, o open of another sensor, R record, h hello, a ack, r
 * resume, x refuse, l lost, p probe, P probed, ? a frame of no type, L a frame too large, G an OPEN that does not parse. */
static void put_letter(struct buf *out, char letter)
{
    static const uint8_t unknown[] = {0, 0, 0, 1, 9, 0}, large[] = {0x10, 0, 0, 0, FRAME_OPEN},
                         garbage[] = {0, 0, 0, 2, FRAME_OPEN, 0xff, 0xff};
    switch (letter) {
    case 'O':
        put_open(out, "s");
        break;
    case 'o':
        put_open(out, "other");
        break;
    case 'R':
        put_record(out);
        break;
    case 'l':
        frame_put_lost(out, &(struct frame_lost){1, 3});
        break;
    case 'p':
        frame_put_probe(out, (const uint8_t *)"a nonce: 16 byte");
        break;
    case 'P':
        frame_put_probed(out, (const uint8_t *)"a nonce: 16 byte");
        break;
    case 'h':
        frame_put_hello(out);
        break;
    case 'a':
        frame_put_ack(out, 1);
        break;
    case 'r':
        frame_put_resume(out, 1);
        break;
    case 'x':
        frame_put_refuse(out,
                         &(struct frame_refuse){.code = REFUSE_GAP, .final = true, .text = "no"});
        break;
    case '?':
        buf_put(out, unknown, sizeof unknown);
        break;
    case 'L':
        buf_put(out, large, sizeof large);
        break;
    case 'G':
        buf_put(out, garbage, sizeof garbage);
        break;
    }
}

static const struct {
    const char *stream, *events, *frames;
    enum session_state state;
} conversations[] = {
    {"", "", "h", SESSION_HANDSHAKE},        {"O", "O", "hs", SESSION_OPEN},
    {"ORR", "ORR", "hsaa", SESSION_OPEN},    {"OROR", "OROR", "hsasa", SESSION_OPEN},
    {"R", "X", "hx", SESSION_ENDED},         {"h", "X", "hx", SESSION_ENDED},
    {"Oa", "OX", "hsx", SESSION_ENDED},      {"OrR", "OX", "hsx", SESSION_ENDED},
    {"Ox", "OX", "hsx", SESSION_ENDED},      {"Oo", "OX", "hsx", SESSION_ENDED},
    {"OR?R", "ORX", "hsax", SESSION_ENDED},  {"L", "X", "hx", SESSION_ENDED},
    {"G", "X", "hx", SESSION_ENDED},         {"?", "X", "hx", SESSION_ENDED},
    {"ORlR", "ORRR", "hsaaa", SESSION_OPEN}, {"l", "X", "hx", SESSION_ENDED},
    {"OppR", "OPPR", "hsppa", SESSION_OPEN}, {"p", "X", "hx", SESSION_ENDED},
    {"OP", "OX", "hsx", SESSION_ENDED},
};

/* The same, wherever the stream is cut in two. */
Test(session, conversations_split_at_every_byte)
{
    for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
        struct buf bytes;
        buf_init(&bytes);
        for (const char *at = conversations[i].stream; *at; at++)
            put_letter(&bytes, *at);
        for (size_t first = 0; first <= bytes.size; first++) {
            struct outcome outcome = converse(&bytes, first);
            cr_assert_str_eq(outcome.events, conversations[i].events, "'%s' cut at %zu",
                             conversations[i].stream, first);
            cr_assert_str_eq(outcome.frames, conversations[i].frames, "'%s' cut at %zu",
                             conversations[i].stream, first);
            cr_assert_eq(outcome.state, conversations[i].state);
            if (outcome.state == SESSION_ENDED)
                cr_assert_eq(outcome.code, REFUSE_PROTOCOL);
        }
        buf_close(&bytes);
    }
}

Test(session, a_record_before_open_is_refused_by_its_header_alone)
{
    const uint8_t header[] = {0x03, 0xff, 0xff, 0xff, FRAME_RECORD};
    struct session session;
    session_init(&session);
    session_feed(&session, header, sizeof header);
    cr_expect_eq(session_next(&session), SESSION_REFUSED);
    session_close(&session);
}

/* Opens and feeds `count` records. */
static void feed_records(struct session *session, unsigned count)
{
    struct buf bytes;
    buf_init(&bytes);
    put_open(&bytes, "s");
    session_feed(session, bytes.bytes, bytes.size);
    cr_assert_eq(session_next(session), SESSION_OPENS);
    session_opened(session, 0);
    buf_consume(&bytes, bytes.size);
    for (unsigned i = 0; i < count; i++)
        put_record(&bytes);
    session_feed(session, bytes.bytes, bytes.size);
    buf_close(&bytes);
}

Test(session, no_more_than_the_window_is_taken)
{
    struct session session;
    session_init(&session);
    feed_records(&session, FRAME_WINDOW + 2);
    for (unsigned i = 0; i < FRAME_WINDOW; i++) {
        cr_assert_eq(session_next(&session), SESSION_RECORDS);
        session_taken(&session, true);
    }
    cr_expect_eq(session_next(&session), SESSION_NOTHING);
    cr_expect_not(session_hungry(&session));
    session_durable(&session, 1, 1);
    cr_expect_eq(session_next(&session), SESSION_RECORDS);
    session_close(&session);
}

Test(session, a_probe_with_records_pending_is_refused)
{
    struct session session;
    struct buf bytes;
    session_init(&session);
    feed_records(&session, 1);
    cr_assert_eq(session_next(&session), SESSION_RECORDS);
    session_taken(&session, true);
    buf_init(&bytes);
    put_letter(&bytes, 'p');
    session_feed(&session, bytes.bytes, bytes.size);
    cr_expect_eq(session_next(&session), SESSION_REFUSED);
    buf_close(&bytes);
    session_close(&session);
}

Test(session, an_open_with_records_pending_is_refused)
{
    struct session session;
    struct buf bytes;
    session_init(&session);
    feed_records(&session, 1);
    cr_assert_eq(session_next(&session), SESSION_RECORDS);
    session_taken(&session, true);
    buf_init(&bytes);
    put_open(&bytes, "s");
    session_feed(&session, bytes.bytes, bytes.size);
    cr_expect_eq(session_next(&session), SESSION_REFUSED);
    cr_expect_eq(session.refused.code, REFUSE_PROTOCOL);
    buf_close(&bytes);
    session_close(&session);
}

Test(session, nothing_is_read_while_an_open_is_checked_or_a_record_waits)
{
    struct session session;
    struct buf bytes;
    session_init(&session);
    cr_expect(session_hungry(&session));
    buf_init(&bytes);
    put_open(&bytes, "s");
    session_feed(&session, bytes.bytes, bytes.size);
    cr_assert_eq(session_next(&session), SESSION_OPENS);
    cr_expect_not(session_hungry(&session));
    cr_expect_eq(session_next(&session), SESSION_OPENS); /* until its result is told */
    session_opened(&session, 0);
    cr_expect(session_hungry(&session));
    buf_consume(&bytes, bytes.size);
    put_record(&bytes);
    session_feed(&session, bytes.bytes, bytes.size);
    cr_assert_eq(session_next(&session), SESSION_RECORDS);
    cr_expect_not(session_hungry(&session));
    session_taken(&session, true);
    cr_expect(session_hungry(&session));
    buf_close(&bytes);
    session_close(&session);
}

Test(session, a_refusal_reaches_the_sensor_once_and_ends_it)
{
    struct session session;
    struct outcome outcome = {0};
    session_init(&session);
    feed_records(&session, 1);
    cr_assert_eq(session_next(&session), SESSION_RECORDS);
    const struct frame_refuse refuse = {.code = REFUSE_OVERLAP, .final = true, .text = "twice"};
    session_refuse(&session, &refuse);
    session_refuse(&session, &refuse);
    cr_expect_eq(session_next(&session), SESSION_REFUSED);
    read_out(&session, &outcome);
    cr_expect_str_eq(outcome.frames, "hsx");
    cr_expect_eq(outcome.code, REFUSE_OVERLAP);
    cr_expect_not(session_hungry(&session));
    session_close(&session);
}

/* What a connection may say at its start, by who is at its other end. */
Test(session, who_it_is_decides_what_it_may_ask)
{
    static const struct {
        enum session_peer peer;
        bool joins;
        enum session_event event;
        const char *words;
    } cases[] = {
        {SESSION_LOCAL, false, SESSION_OPENS, NULL},
        {SESSION_SENSOR, false, SESSION_OPENS, NULL},
        {SESSION_SENSOR, true, SESSION_JOINS, NULL},
        {SESSION_STRANGER, true, SESSION_JOINS, NULL},
        {SESSION_STRANGER, false, SESSION_REFUSED, "has to join first"},
        {SESSION_LOCAL, true, SESSION_REFUSED, "needs an encrypted connection"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct session session;
        struct frame_join join = {.request = (char[]){"PEM"}};
        struct frame_open open = {.sensor = "a", .darknet = (char[]){"192.0.2.0/24"}};
        struct buf bytes;
        buf_init(&bytes);
        cr_assert_eq(cases[i].joins ? frame_put_join(&bytes, &join) : frame_put_open(&bytes, &open),
                     0);
        cr_assert_eq(session_init(&session), 0);
        session.peer = cases[i].peer;
        cr_assert_eq(session_feed(&session, bytes.bytes, bytes.size), 0);
        cr_expect_eq(session_next(&session), cases[i].event, "case %zu", i);
        if (cases[i].words)
            cr_expect(strstr(session.refused.text, cases[i].words), "%s", session.refused.text);
        session_close(&session);
        buf_close(&bytes);
    }
}

Test(session, one_certificate_is_enough_for_a_connection)
{
    struct session session;
    struct frame_join join = {.request = (char[]){"PEM"}};
    const struct frame_certificate answer = {"a", (char[]){"192.0.2.0/24"}, (char[]){"PEM"},
                                             (char[]){"PEM"}};
    struct buf bytes;
    buf_init(&bytes);
    frame_put_join(&bytes, &join);
    frame_put_join(&bytes, &join);
    cr_assert_eq(session_init(&session), 0);
    session.peer = SESSION_STRANGER;
    session_feed(&session, bytes.bytes, bytes.size);
    cr_assert_eq(session_next(&session), SESSION_JOINS);
    session_certified(&session, &answer);
    cr_assert_eq(session_next(&session), SESSION_REFUSED);
    cr_assert(strstr(session.refused.text, "second JOIN"));
    session_close(&session);
    buf_close(&bytes);
}

Test(session, tls_on_a_connection_in_the_clear_is_named)
{
    struct session session;
    cr_assert_eq(session_init(&session), 0);
    session_feed(&session, (const uint8_t *)"\x16\x03\x01\x02\x00\x01", 6);
    cr_assert_eq(session_next(&session), SESSION_REFUSED);
    cr_assert(strstr(session.refused.text, "this is TLS"));
    session_close(&session);
}
