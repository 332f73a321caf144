#include "tests/unit/common/identities.h"

#include <openssl/ssl.h>

#include "common/tls.h"
#include "tests/unit/common/random.h"

/* Two sides and what is on the way between them. */
struct pair {
    struct tls_context *contexts[2];
    struct tls *sides[2]; /* server, client */
    struct buf heard[2];
};

static struct tls_context *context(bool server, const char *identity, const uint8_t *pin)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct tls_terms terms = {.server = server, .identity = identity, .pin = pin};
    struct tls_context *made = tls_context_new(&terms, errmsg);
    cr_assert(made, "%s", errmsg);
    return made;
}

static void pair_open(struct pair *pair, const char *server, const char *client, const uint8_t *pin)
{
    *pair = (struct pair){{context(true, server, NULL), context(false, client, pin)}, {0}, {{0}}};
    for (int side = 0; side < 2; side++) {
        pair->sides[side] = tls_new(pair->contexts[side]);
        buf_init(&pair->heard[side]);
    }
}

static void pair_close(struct pair *pair)
{
    for (int side = 0; side < 2; side++) {
        tls_free(pair->sides[side]);
        tls_context_free(pair->contexts[side]);
        buf_close(&pair->heard[side]);
    }
}

/* Carries what one side has to say to the other, in pieces of at most `piece`. */
static size_t carry(struct pair *pair, int from, size_t piece)
{
    struct buf wire;
    buf_init(&wire);
    cr_assert_eq(tls_take(pair->sides[from], &wire), 0);
    for (size_t at = 0; at < wire.size; at += piece) {
        size_t size = wire.size - at < piece ? wire.size - at : piece;
        tls_input(pair->sides[!from], wire.bytes + at, size, &pair->heard[!from]);
    }
    size_t carried = wire.size;
    buf_close(&wire);
    return carried;
}

/* Until nobody has anything more to say. */
static void talk(struct pair *pair, size_t piece)
{
    for (int round = 0; carry(pair, 1, piece) + carry(pair, 0, piece) > 0; round++)
        cr_assert_lt(round, 10);
}

struct people {
    struct authority ours, theirs;
    char *server, *sensor;
    uint8_t pin[CERT_PIN_SIZE];
};

static struct people people_new(void)
{
    struct people people = {.ours = authority_new("ours"), .theirs = authority_new("theirs")};
    people.server = identity_new(&people.ours, &people.ours, CERT_SERVER, CERT_AGGREGATOR, -1, 10);
    people.sensor = identity_new(&people.ours, &people.ours, CERT_SENSOR, "tokyo-1", -1, 10);
    cr_assert_eq(cert_pin(people.ours.certificate, people.pin, NULL), 0);
    return people;
}

static void people_close(struct people *people)
{
    free(people->server);
    free(people->sensor);
    authority_close(&people->ours);
    authority_close(&people->theirs);
}

Test(tls, pieces_of_any_size_make_a_conversation)
{
    struct people people = people_new();
    static const size_t pieces[] = {1, 2, 7, 100, 1500, 1 << 20};
    size_t size = 100000;
    uint8_t *bytes = malloc(size);
    uint64_t random = 1;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_next(&random);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct pair pair;
        struct cert_facts facts;
        pair_open(&pair, people.server, people.sensor, NULL);
        talk(&pair, pieces[i]);
        for (int side = 0; side < 2; side++) {
            cr_assert_eq(tls_state(pair.sides[side]), TLS_OPEN, "%s", tls_reason(pair.sides[side]));
            cr_assert_eq(tls_output(pair.sides[side], bytes, size), 0);
        }
        talk(&pair, pieces[i]);
        for (int side = 0; side < 2; side++) {
            cr_assert_eq(pair.heard[side].size, size);
            cr_assert_arr_eq(pair.heard[side].bytes, bytes, size);
        }
        cr_assert(tls_peer(pair.sides[0], &facts));
        cr_assert_str_eq(facts.name, "tokyo-1");
        cr_assert(tls_peer(pair.sides[1], &facts));
        cr_assert_str_eq(facts.name, CERT_AGGREGATOR);
        pair_close(&pair);
    }
    free(bytes);
    people_close(&people);
}

Test(tls, a_client_without_certificate_is_nobody)
{
    struct people people = people_new();
    struct pair pair;
    struct cert_facts facts;
    pair_open(&pair, people.server, NULL, people.pin);
    talk(&pair, 1000);
    cr_assert_eq(tls_state(pair.sides[0]), TLS_OPEN, "%s", tls_reason(pair.sides[0]));
    cr_assert_eq(tls_state(pair.sides[1]), TLS_OPEN, "%s", tls_reason(pair.sides[1]));
    cr_assert_not(tls_peer(pair.sides[0], &facts));
    pair_close(&pair);
    people_close(&people);
}

/* The handshake fails, on `side` with `words` in its reason, and both sides are told. */
static void assert_refused(const char *server, const char *client, const uint8_t *pin, int side,
                           const char *words)
{
    struct pair pair;
    pair_open(&pair, server, client, pin);
    talk(&pair, 1000);
    cr_assert_eq(tls_state(pair.sides[side]), TLS_FAILED, "%s", words);
    cr_assert(strstr(tls_reason(pair.sides[side]), words), "%s: %s", words,
              tls_reason(pair.sides[side]));
    cr_assert_eq(tls_state(pair.sides[!side]), TLS_FAILED, "%s", words);
    cr_assert(strstr(tls_reason(pair.sides[!side]), "the other side says"), "%s: %s", words,
              tls_reason(pair.sides[!side]));
    cr_assert_eq(pair.heard[side].size, 0);
    pair_close(&pair);
}

Test(tls, refuses_certificates_and_says_why_on_both_sides)
{
    struct people people = people_new();
    const struct authority *ours = &people.ours, *theirs = &people.theirs;
    const struct {
        const struct authority *by;
        enum cert_role role;
        const char *name;
        int from, until, side;
        const char *words;
    } cases[] = {
        {theirs, CERT_SENSOR, "tokyo-1", -1, 10, 0, "another authority"},
        {ours, CERT_SENSOR, "tokyo-1", -10, -1, 0, "expired"},
        {ours, CERT_SENSOR, "tokyo-1", 1, 10, 0, "not valid yet"},
        {ours, CERT_SERVER, "tokyo-1", -1, 10, 0, "not for this"},
        {theirs, CERT_SERVER, CERT_AGGREGATOR, -1, 10, 1, "another authority"},
        {ours, CERT_SERVER, CERT_AGGREGATOR, -10, -1, 1, "expired"},
        {ours, CERT_SERVER, "other.example", -1, 10, 1, "another name"},
        {ours, CERT_SENSOR, CERT_AGGREGATOR, -1, 10, 1, "certificate is not"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *bad = identity_new(cases[i].by, ours, cases[i].role, cases[i].name, cases[i].from,
                                 cases[i].until);
        bool client = cases[i].side == 0;
        assert_refused(client ? people.server : bad, client ? bad : people.sensor, NULL,
                       cases[i].side, cases[i].words);
        free(bad);
    }
    people_close(&people);
}

Test(tls, a_pin_is_as_strict_as_an_authority)
{
    struct people people = people_new();
    char *old = identity_new(&people.ours, &people.ours, CERT_SERVER, CERT_AGGREGATOR, -10, -1);
    char *other = identity_new(&people.theirs, &people.theirs, CERT_SERVER, CERT_AGGREGATOR, -1, 9);
    /* A foreign certificate beside the pinned authority's. */
    char *mixed = identity_new(&people.theirs, &people.ours, CERT_SERVER, CERT_AGGREGATOR, -1, 9);
    assert_refused(old, NULL, people.pin, 1, "expired");
    assert_refused(other, NULL, people.pin, 1, "another authority");
    assert_refused(mixed, NULL, people.pin, 1, "another authority");
    people.pin[0] ^= 1;
    assert_refused(people.server, NULL, people.pin, 1, "another authority");
    free(old);
    free(other);
    free(mixed);
    people_close(&people);
}

Test(tls, nothing_below_1_3)
{
    struct people people = people_new();
    struct tls_context *server = context(true, people.server, NULL);
    struct tls *tls = tls_new(server);
    SSL_CTX *old = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
    SSL *client = SSL_new(old);
    SSL_set_connect_state(client);
    SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_do_handshake(client);
    uint8_t hello[1024];
    int size = BIO_read(SSL_get_wbio(client), hello, sizeof hello);
    struct buf plain;
    buf_init(&plain);
    cr_assert_gt(size, 0);
    cr_assert_eq(tls_input(tls, hello, (size_t)size, &plain), ERR_REFUSED);
    cr_assert(strstr(tls_reason(tls), "does not speak TLS 1.3"), "%s", tls_reason(tls));
    buf_close(&plain);
    SSL_free(client);
    SSL_CTX_free(old);
    tls_free(tls);
    tls_context_free(server);
    people_close(&people);
}

Test(tls, what_is_no_tls_is_refused)
{
    struct people people = people_new();
    static const char *const noise[] = {
        "GET / HTTP/1.1\r\n\r\n", "\xff\xff\xff\xff\xff\xff\xff\xff",
        "\x01\x01\x01\x0a\x01\x08\x01\x12\x0f", "SSH-2.0-OpenSSH_9.2\r\n"};
    for (int server = 0; server < 2; server++) {
        struct tls_context *side = context(server, server ? people.server : people.sensor, NULL);
        for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
            struct tls *tls = tls_new(side);
            struct buf plain;
            buf_init(&plain);
            int rc = tls_input(tls, (const uint8_t *)noise[i], strlen(noise[i]), &plain);
            cr_assert_eq(rc, ERR_REFUSED, "%s", noise[i]);
            cr_assert(strstr(tls_reason(tls), "does not speak TLS"), "%s", tls_reason(tls));
            cr_assert_eq(plain.size, 0);
            cr_assert_eq(tls_input(tls, (const uint8_t *)"x", 1, &plain), ERR_REFUSED);
            buf_close(&plain);
            tls_free(tls);
        }
        tls_context_free(side);
    }
    people_close(&people);
}

Test(tls, a_changed_byte_ends_it)
{
    struct people people = people_new();
    struct pair pair;
    struct buf wire;
    pair_open(&pair, people.server, people.sensor, NULL);
    talk(&pair, 1000);
    buf_init(&wire);
    cr_assert_eq(tls_output(pair.sides[1], (const uint8_t *)"record", 6), 0);
    cr_assert_eq(tls_take(pair.sides[1], &wire), 0);
    wire.bytes[wire.size - 1] ^= 1;
    cr_assert_eq(tls_input(pair.sides[0], wire.bytes, wire.size, &pair.heard[0]), ERR_REFUSED);
    cr_assert_eq(pair.heard[0].size, 0);
    cr_assert_eq(tls_state(pair.sides[0]), TLS_FAILED);
    buf_close(&wire);
    pair_close(&pair);
    people_close(&people);
}

Test(tls, an_end_without_a_word_is_told_from_a_close)
{
    struct people people = people_new();
    struct pair pair;
    pair_open(&pair, people.server, people.sensor, NULL);
    carry(&pair, 1, 1000);
    tls_input_end(pair.sides[0]);
    cr_assert_eq(tls_state(pair.sides[0]), TLS_FAILED);
    cr_assert(strstr(tls_reason(pair.sides[0]), "cut off in the handshake"));
    pair_close(&pair);

    pair_open(&pair, people.server, people.sensor, NULL);
    talk(&pair, 1000);
    tls_shutdown(pair.sides[1]);
    talk(&pair, 1000);
    tls_input_end(pair.sides[0]);
    cr_assert_eq(tls_state(pair.sides[0]), TLS_CLOSED);
    tls_input_end(pair.sides[1]);
    cr_assert_eq(tls_state(pair.sides[1]), TLS_FAILED);
    cr_assert_str_eq(tls_reason(pair.sides[1]), "the connection was cut off");
    pair_close(&pair);
    people_close(&people);
}

Test(tls, nothing_is_said_before_it_is_open)
{
    struct people people = people_new();
    struct tls_context *client = context(false, people.sensor, NULL);
    struct tls *tls = tls_new(client);
    cr_assert_eq(tls_output(tls, (const uint8_t *)"record", 6), ERR_INVALID);
    tls_free(tls);
    tls_context_free(client);
    people_close(&people);
}

Test(tls, an_identity_must_be_whole)
{
    struct people people = people_new();
    char errmsg[ERRMSG_SIZE] = "", *cut = strdup(people.sensor);
    struct tls_terms terms = {.identity = cut};
    *strstr(strstr(cut, "-----END CERTIFICATE") + 1, "-----BEGIN CERTIFICATE") = '\0';
    cr_assert_null(tls_context_new(&terms, errmsg));
    cr_assert(strstr(errmsg, "must hold"));
    terms.identity = people.ours.certificate;
    cr_assert_null(tls_context_new(&terms, errmsg));
    free(cut);
    people_close(&people);
}
