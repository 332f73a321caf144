#include "common/addrvec.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/planes.h"

#define RUN ((size_t)32)

void addrvec_init(struct addrvec *vec)
{
    *vec = (struct addrvec){0};
}

void addrvec_clear(struct addrvec *vec)
{
    vec->count4 = vec->count6 = 0;
}

void addrvec_close(struct addrvec *vec)
{
    free(vec->address4);
    free(vec->packets4);
    free(vec->address6);
    free(vec->packets6);
    addrvec_init(vec);
}

static int reserve4(struct addrvec *vec, size_t room)
{
    if (room <= vec->room4)
        return 0;
    uint32_t *address = realloc(vec->address4, room * sizeof *address);
    if (!address)
        return ERR_NOMEM;
    vec->address4 = address;
    uint64_t *packets = realloc(vec->packets4, room * sizeof *packets);
    if (!packets)
        return ERR_NOMEM;
    vec->packets4 = packets;
    vec->room4 = room;
    return 0;
}

static int reserve6(struct addrvec *vec, size_t room)
{
    if (room <= vec->room6)
        return 0;
    uint8_t(*address)[16] = realloc(vec->address6, room * sizeof *address);
    if (!address)
        return ERR_NOMEM;
    vec->address6 = address;
    uint64_t *packets = realloc(vec->packets6, room * sizeof *packets);
    if (!packets)
        return ERR_NOMEM;
    vec->packets6 = packets;
    vec->room6 = room;
    return 0;
}

int addrvec_reserve4(struct addrvec *vec, size_t more)
{
    size_t needed = vec->count4 + more, room = 2 * vec->room4;
    return needed <= vec->room4 ? 0 : reserve4(vec, room > needed ? room : needed);
}

int addrvec_append4(struct addrvec *vec, uint32_t address, uint64_t packets)
{
    assert(packets > 0 && (vec->count4 == 0 || vec->address4[vec->count4 - 1] < address));
    if (vec->count4 == vec->room4) {
        int rc = reserve4(vec, vec->room4 ? vec->room4 * 2 : 64);
        if (rc)
            return rc;
    }
    vec->address4[vec->count4] = address;
    vec->packets4[vec->count4++] = packets;
    return 0;
}

int addrvec_append6(struct addrvec *vec, const uint8_t address[16], uint64_t packets)
{
    assert(packets > 0 &&
           (vec->count6 == 0 || memcmp(vec->address6[vec->count6 - 1], address, 16) < 0));
    if (vec->count6 == vec->room6) {
        int rc = reserve6(vec, vec->room6 ? vec->room6 * 2 : 16);
        if (rc)
            return rc;
    }
    memcpy(vec->address6[vec->count6], address, 16);
    vec->packets6[vec->count6++] = packets;
    return 0;
}

/* The first position from `at` on whose address is not less. It is near as a rule; what is far is
 * found by steps that double, then by halves. */
static size_t seek4(const struct addrvec *vec, size_t at, uint32_t address)
{
    size_t count = vec->count4, step = 1;
    if (at == count || vec->address4[at] >= address)
        return at;
    while (step < count - at && vec->address4[at + step] < address) {
        at += step;
        step *= 2;
    }
    size_t low = at + 1, high = step < count - at ? at + step : count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (vec->address4[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether two runs of RUN addresses are the same. Vectors of one darknet mostly are, long stretches of
 * them, and are gone through by these. */
static bool same_run(const uint32_t *a, const uint32_t *b)
{
    return a[0] == b[0] && a[RUN - 1] == b[RUN - 1] && memcmp(a, b, RUN * sizeof *a) == 0;
}

/* The first position of src from `s` on whose address dst does not have from `*d` on, which moves to where it
 * would be; src->count4 when there is none. */
static size_t next_new4(const struct addrvec *dst, size_t *d, const struct addrvec *src, size_t s)
{
    while (s < src->count4) {
        if (dst->count4 - *d >= RUN && src->count4 - s >= RUN &&
            same_run(dst->address4 + *d, src->address4 + s)) {
            *d += RUN;
            s += RUN;
            continue;
        }
        *d = seek4(dst, *d, src->address4[s]);
        if (*d == dst->count4 || dst->address4[*d] != src->address4[s])
            return s;
        ++*d;
        s++;
    }
    return s;
}

/* How many addresses of src are not in dst yet. */
static size_t new4(const struct addrvec *dst, const struct addrvec *src)
{
    size_t fresh = 0, d = 0;
    for (size_t s = next_new4(dst, &d, src, 0); s < src->count4; s = next_new4(dst, &d, src, s + 1))
        fresh++;
    return fresh;
}

static size_t new6(const struct addrvec *dst, const struct addrvec *src)
{
    size_t fresh = 0;
    for (size_t d = 0, s = 0; s < src->count6; s++) {
        while (d < dst->count6 && memcmp(dst->address6[d], src->address6[s], 16) < 0)
            d++;
        fresh += d == dst->count6 || memcmp(dst->address6[d], src->address6[s], 16) != 0;
    }
    return fresh;
}

/* By way of `sums`, so that the compiler sees that it may add several at a time. */
static void add_run(uint64_t *to, const uint64_t *from)
{
    uint64_t sums[RUN];
    for (size_t i = 0; i < RUN; i++)
        sums[i] = to[i] + from[i];
    memcpy(to, sums, sizeof sums);
}

/* Adds the first `s` entries of src, whose addresses are all among the first `d` of dst. */
static void add_all4(struct addrvec *dst, size_t d, const struct addrvec *src, size_t s)
{
    while (s > 0) {
        if (s >= RUN && d >= RUN && same_run(dst->address4 + d - RUN, src->address4 + s - RUN)) {
            d -= RUN;
            s -= RUN;
            add_run(dst->packets4 + d, src->packets4 + s);
        } else if (dst->address4[--d] == src->address4[s - 1]) {
            dst->packets4[d] += src->packets4[--s];
        }
    }
}

/* Merges from the back, so that dst needs no second array. */
static void merge4(struct addrvec *dst, const struct addrvec *src, size_t fresh)
{
    size_t d = dst->count4, s = src->count4, out = d + fresh;
    dst->count4 = out;
    while (s > 0 && out > d) {
        out--;
        if (d > 0 && dst->address4[d - 1] >= src->address4[s - 1]) {
            d--;
            bool both = dst->address4[d] == src->address4[s - 1];
            dst->address4[out] = dst->address4[d];
            dst->packets4[out] = dst->packets4[d] + (both ? src->packets4[--s] : 0);
        } else {
            s--;
            dst->address4[out] = src->address4[s];
            dst->packets4[out] = src->packets4[s];
        }
    }
    add_all4(dst, d, src, s);
}

static void merge6(struct addrvec *dst, const struct addrvec *src, size_t fresh)
{
    size_t d = dst->count6, s = src->count6, out = d + fresh;
    dst->count6 = out;
    while (s > 0) {
        out--;
        int order = d > 0 ? memcmp(dst->address6[d - 1], src->address6[s - 1], 16) : -1;
        if (order >= 0) {
            d--;
            memmove(dst->address6[out], dst->address6[d], 16);
            dst->packets6[out] = dst->packets6[d] + (order == 0 ? src->packets6[--s] : 0);
        } else {
            s--;
            memcpy(dst->address6[out], src->address6[s], 16);
            dst->packets6[out] = src->packets6[s];
        }
    }
}

/* The room to make for `fresh` more: an eighth more than that in a vector that grows again. */
static size_t room_for(size_t count, size_t room, size_t fresh)
{
    size_t needed = count + fresh;
    return needed <= room || room == 0 ? needed : needed + needed / 8;
}

int addrvec_add(struct addrvec *dst, const struct addrvec *src)
{
    size_t fresh4 = new4(dst, src), fresh6 = new6(dst, src);
    int rc = reserve4(dst, room_for(dst->count4, dst->room4, fresh4));
    if (rc == 0)
        rc = reserve6(dst, room_for(dst->count6, dst->room6, fresh6));
    if (rc)
        return rc;
    merge4(dst, src, fresh4);
    merge6(dst, src, fresh6);
    return 0;
}

uint64_t addrvec_missing(const struct addrvec *dst, const struct addrvec *src)
{
    return (uint64_t)new4(dst, src) + new6(dst, src);
}

static int difference6(struct addrvec *out, const struct addrvec *src, const struct addrvec *dst)
{
    int rc = 0;
    for (size_t d = 0, s = 0; rc == 0 && s < src->count6; s++) {
        while (d < dst->count6 && memcmp(dst->address6[d], src->address6[s], 16) < 0)
            d++;
        if (d == dst->count6 || memcmp(dst->address6[d], src->address6[s], 16) != 0)
            rc = addrvec_append6(out, src->address6[s], src->packets6[s]);
    }
    return rc;
}

int addrvec_difference(struct addrvec *out, const struct addrvec *src, const struct addrvec *dst)
{
    int rc = 0;
    size_t d = 0, s = next_new4(dst, &d, src, 0);
    for (; rc == 0 && s < src->count4; s = next_new4(dst, &d, src, s + 1))
        rc = addrvec_append4(out, src->address4[s], src->packets4[s]);
    return rc ? rc : difference6(out, src, dst);
}

uint64_t addrvec_packets(const struct addrvec *vec)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < vec->count4; i++)
        sum += vec->packets4[i];
    for (size_t i = 0; i < vec->count6; i++)
        sum += vec->packets6[i];
    return sum;
}

uint64_t addrvec_active(const struct addrvec *vec)
{
    return (uint64_t)vec->count4 + vec->count6;
}

static uint64_t half6(const uint8_t address[16], int half)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | address[half * 8 + i];
    return value;
}

/* The gap of entry 0 is its distance to 0, of any other the distance to its neighbour less 1. */
static int encode4(const struct addrvec *vec, uint64_t *scratch, struct buf *out)
{
    for (size_t i = 0; i < vec->count4; i++)
        scratch[i] = i ? vec->address4[i] - vec->address4[i - 1] - 1 : vec->address4[0];
    int rc = planes_encode(out, scratch, vec->count4);
    return rc ? rc : planes_encode(out, vec->packets4, vec->count4);
}

static int encode6(const struct addrvec *vec, uint64_t *scratch, struct buf *out)
{
    for (int half = 0; half < 2; half++) {
        for (size_t i = 0; i < vec->count6; i++)
            scratch[i] = half6(vec->address6[i], half);
        int rc = planes_encode(out, scratch, vec->count6);
        if (rc)
            return rc;
    }
    return planes_encode(out, vec->packets6, vec->count6);
}

int addrvec_encode(const struct addrvec *vec, uint8_t **bytes, size_t *size)
{
    size_t most = vec->count4 > vec->count6 ? vec->count4 : vec->count6;
    if (most > ADDRVEC_MAX)
        return ERR_FULL;
    uint64_t *scratch = malloc((most + 1) * sizeof *scratch);
    if (!scratch)
        return ERR_NOMEM;
    struct buf out;
    buf_init(&out);
    int rc = encode4(vec, scratch, &out);
    if (rc == 0)
        rc = encode6(vec, scratch, &out);
    free(scratch);
    if (rc == 0 && out.failed)
        rc = ERR_NOMEM;
    if (rc) {
        buf_close(&out);
        return rc;
    }
    *bytes = out.bytes;
    *size = out.size;
    return 0;
}

static int fill4(struct addrvec *vec, const uint64_t *gaps, const uint64_t *packets, size_t count)
{
    int rc = reserve4(vec, count);
    uint64_t next = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (gaps[i] > UINT32_MAX || next + gaps[i] > UINT32_MAX || packets[i] == 0)
            return ERR_DAMAGED;
        rc = addrvec_append4(vec, (uint32_t)(next + gaps[i]), packets[i]);
        next += gaps[i] + 1;
    }
    return rc;
}

static int decode4(struct addrvec *vec, struct cursor *in)
{
    uint64_t *gaps, *packets = NULL;
    size_t count, count_packets;
    int rc = planes_decode(in, &gaps, &count);
    if (rc)
        return rc;
    rc = planes_decode(in, &packets, &count_packets);
    if (rc == 0)
        rc = count == count_packets ? fill4(vec, gaps, packets, count) : ERR_DAMAGED;
    free(gaps);
    free(packets);
    return rc;
}

static int fill6(struct addrvec *vec, const uint64_t *high, const uint64_t *low,
                 const uint64_t *packets, size_t count)
{
    int rc = reserve6(vec, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        uint8_t address[16];
        for (int b = 0; b < 8; b++) {
            address[b] = (uint8_t)(high[i] >> (56 - 8 * b));
            address[8 + b] = (uint8_t)(low[i] >> (56 - 8 * b));
        }
        if (packets[i] == 0 || (i > 0 && memcmp(vec->address6[i - 1], address, 16) >= 0))
            return ERR_DAMAGED;
        rc = addrvec_append6(vec, address, packets[i]);
    }
    return rc;
}

static int decode6(struct addrvec *vec, struct cursor *in)
{
    uint64_t *columns[3] = {0};
    size_t counts[3];
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = planes_decode(in, &columns[i], &counts[i]);
    if (rc == 0 && (counts[0] != counts[1] || counts[0] != counts[2]))
        rc = ERR_DAMAGED;
    if (rc == 0)
        rc = fill6(vec, columns[0], columns[1], columns[2], counts[0]);
    for (int i = 0; i < 3; i++)
        free(columns[i]);
    return rc;
}

int addrvec_decode(struct addrvec *vec, const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    int rc = decode4(vec, &in);
    if (rc == 0)
        rc = decode6(vec, &in);
    if (rc == 0 && !cursor_done(&in))
        rc = ERR_DAMAGED;
    if (rc)
        addrvec_close(vec);
    return rc;
}
