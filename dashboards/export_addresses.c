/* Export of packets per address: csv, JSON Lines, FlowTuple rows, IPFIX. */
#include <stdlib.h>

#include "common/err.h"
#include "dashboards/export_private.h"
#include "dashboards/ranks.h"

static const char *const columns[] = {"start", "address", "packets", NULL};
static const char *const rank_columns[] = {"start", "prefix", "rank", "packets", NULL};

void export_addresses_begin(struct export *export)
{
    enum export_format format = export->options->export_format;
    if (format == EXPORT_IPFIX)
        ipfix_begin(&export->ipfix, &export->text, export->pseudonym != NULL, export->query.from_s);
    else if (format != EXPORT_FLOWTUPLE)
        lines_begin(&export->lines, &export->text, format == EXPORT_JSON,
                    export->options->ranks ? rank_columns : columns);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Rows in the manner of corsaro's FlowTuple, of whose eight fields the destination alone is known:
 * src_ip|dst_ip|src_port|dst_port|protocol|ttl|tcp_flags|ip_len,packets. */
static void put_flowtuple(struct textout *text, const struct addrvec *vec, size_t i)
{
    textout_put(text, "|", 1);
    if (i < vec->count4)
        textout_address4(text, vec->address4[i]);
    else
        textout_address(text, 6, vec->address6[i - vec->count4]);
    textout_put(text, "||||||,", 7);
    textout_u64(text, i < vec->count4 ? vec->packets4[i] : vec->packets6[i - vec->count4]);
    textout_put(text, "\n", 1);
}

static void put_ipfix(struct ipfix *ipfix, const struct addrvec *vec, size_t i)
{
    if (i < vec->count4)
        ipfix_add4(ipfix, vec->address4[i], vec->packets4[i]);
    else
        ipfix_add6(ipfix, vec->address6[i - vec->count4], vec->packets6[i - vec->count4]);
}

static void put_line(struct export *export, const struct addrvec *vec, size_t i)
{
    lines_text(&export->lines, export->start);
    if (i < vec->count4) {
        lines_address4(&export->lines, vec->address4[i]);
        lines_u64(&export->lines, vec->packets4[i]);
    } else {
        lines_address(&export->lines, 6, vec->address6[i - vec->count4]);
        lines_u64(&export->lines, vec->packets6[i - vec->count4]);
    }
}

/* The i-th address of the vector, IPv4 before IPv6. */
static void put_address(struct export *export, const struct addrvec *vec, size_t i)
{
    if (export->options->export_format == EXPORT_IPFIX)
        put_ipfix(&export->ipfix, vec, i);
    else if (export->options->export_format == EXPORT_FLOWTUPLE)
        put_flowtuple(&export->text, vec, i);
    else
        put_line(export, vec, i);
}

/* --- ranking ---------------------------------------------------------------------------------- */

struct rank {
    uint64_t packets;
    size_t index;
};

/* Descending packets; equals in the order of their addresses. */
static int compare_ranks(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->packets != y->packets)
        return x->packets < y->packets ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Puts the `top` first of the ranking into ranks, which has room for twice as many: whenever it is
 * full, the worse half is dropped. */
static size_t rank(const struct addrvec *vec, size_t top, struct rank *ranks)
{
    size_t used = 0, count = vec->count4 + vec->count6;
    for (size_t i = 0; i < count; i++) {
        if (used == 2 * top) {
            qsort(ranks, used, sizeof *ranks, compare_ranks);
            used = top;
        }
        ranks[used++] =
            (struct rank){i < vec->count4 ? vec->packets4[i] : vec->packets6[i - vec->count4], i};
    }
    qsort(ranks, used, sizeof *ranks, compare_ranks);
    return used < top ? used : top;
}

static int put_top(struct export *export, const struct addrvec *vec, char *errmsg)
{
    size_t count = vec->count4 + vec->count6, top = export->options->top;
    uint64_t left = addrvec_packets(vec);
    top = top < count ? top : count;
    struct rank *ranks = malloc((2 * top + 1) * sizeof *ranks);
    if (!ranks)
        return err_set(errmsg, ERR_NOMEM, "export: %s", err_str(ERR_NOMEM));
    top = top ? rank(vec, top, ranks) : 0;
    for (size_t i = 0; i < top; i++) {
        put_address(export, vec, ranks[i].index);
        left -= ranks[i].packets;
    }
    free(ranks);
    if (left == 0)
        return 0;
    lines_text(&export->lines, export->start);
    lines_text(&export->lines, "other");
    lines_u64(&export->lines, left);
    return 0;
}

static int put_ranks(struct export *export, const struct addrvec *vec, char *errmsg)
{
    struct ranks ranks;
    if (ranks_make(&ranks, vec) != 0)
        return err_set(errmsg, ERR_NOMEM, "export: %s", err_str(ERR_NOMEM));
    for (size_t i = 0; i < ranks.count; i++)
        for (size_t r = 0; r < ranks.prefixes[i].count; r++) {
            lines_text(&export->lines, export->start);
            lines_u64(&export->lines, i + 1);
            lines_u64(&export->lines, r + 1);
            lines_u64(&export->lines, ranks.prefixes[i].counts[r]);
        }
    ranks_close(&ranks);
    return 0;
}

/* --- a period --------------------------------------------------------------------------------- */

static void put_boundary(struct export *export, const char *which, int64_t at_s)
{
    textout_string(&export->text, which);
    textout_u64(&export->text, export->intervals);
    textout_put(&export->text, " ", 1);
    textout_u64(&export->text, (uint64_t)at_s);
    textout_put(&export->text, "\n", 1);
}

static int put_vector(struct export *export, const struct addrvec *vec, char *errmsg)
{
    if (export->options->top)
        return put_top(export, vec, errmsg);
    if (export->options->ranks)
        return put_ranks(export, vec, errmsg);
    for (size_t i = 0, count = vec->count4 + vec->count6; i < count && !export->text.error; i++)
        put_address(export, vec, i);
    return 0;
}

/* A period that the store knows nothing of: rows of nothing but its start, where rows have one; no
 * interval in the other formats. */
static void put_unknown(struct export *export)
{
    enum export_format format = export->options->export_format;
    export->unknown++;
    if (format == EXPORT_IPFIX || format == EXPORT_FLOWTUPLE)
        return;
    lines_text(&export->lines, export->start);
    while (export->lines.column)
        lines_missing(&export->lines);
}

static int put_known(struct export *export, const struct query_period *period,
                     const struct addrvec *vec, char *errmsg)
{
    bool flowtuple = export->options->export_format == EXPORT_FLOWTUPLE;
    if (export->options->export_format == EXPORT_IPFIX)
        ipfix_period(&export->ipfix, period->start_s, period->end_s);
    if (flowtuple)
        put_boundary(export, "# CORSARO_INTERVAL_START ", period->start_s);
    int rc = put_vector(export, vec, errmsg);
    if (flowtuple)
        put_boundary(export, "# CORSARO_INTERVAL_END ", period->end_s - 1);
    export->intervals++;
    return rc;
}

int export_addresses_period(struct export *export, const struct query_period *period, char *errmsg)
{
    const struct addrvec *vec = period->addresses;
    if (!period->rows_known) {
        put_unknown(export);
        return 0;
    }
    if (export->pseudonym) {
        addrvec_clear(&export->renamed);
        int rc = pseudonym_vec(export->pseudonym, vec, &export->renamed);
        if (rc)
            return err_set(errmsg, rc, "export: pseudonyms: %s", err_str(rc));
        vec = &export->renamed;
    }
    return put_known(export, period, vec, errmsg);
}
