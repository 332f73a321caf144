#include "collector/survey_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"

#define NS_PER_S INT64_C(1000000000)

static const char *const columns[] = {"address",   "packets",   "bytes",       "first_seen",
                                      "last_seen", "protocols", "link_source", NULL};

static int write_error(int code, char *errmsg)
{
    return err_set(errmsg, code, "writing the result: %s; make room and try again", err_str(code));
}

static void address_text(const struct lit_evidence *evidence, char out[INET6_ADDRSTRLEN])
{
    inet_ntop(evidence->family == 4 ? AF_INET : AF_INET6, evidence->address, out, INET6_ADDRSTRLEN);
}

/* --- rows ------------------------------------------------------------------------------------- */

static void put_time(struct rows *rows, int64_t at_ns)
{
    char text[32];
    int64_t at_s = at_ns / NS_PER_S - (at_ns % NS_PER_S < 0);
    calendar_rfc3339(at_s, text);
    rows_text(rows, text);
}

/* "arp" and numbers, separated by blanks: a comma would need quotes in CSV. */
static void put_protocols(struct rows *rows, const struct lit_evidence *evidence)
{
    char text[1024]; /* 256 numbers of at most 3 digits need 914 */
    size_t used = 0;
    text[0] = '\0';
    if (evidence->arp)
        used += (size_t)snprintf(text, sizeof text, "arp");
    for (unsigned protocol = 0; protocol < 256; protocol++)
        if (lit_protocol(evidence, (uint8_t)protocol))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", used ? " " : "",
                                     protocol);
    rows_text(rows, text);
}

static void put_link_source(struct rows *rows, const struct lit_evidence *evidence)
{
    const uint8_t *mac = evidence->link_source;
    char text[24];
    if (!evidence->has_link_source) {
        rows_missing(rows);
        return;
    }
    snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x%s", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5], evidence->more_link_sources ? "+" : "");
    rows_text(rows, text);
}

static void put_row(void *user, const struct lit_evidence *evidence)
{
    struct rows *rows = user;
    char address[INET6_ADDRSTRLEN];
    address_text(evidence, address);
    rows_text(rows, address);
    rows_u64(rows, evidence->packets);
    rows_u64(rows, evidence->bytes);
    put_time(rows, evidence->first_ns);
    put_time(rows, evidence->last_ns);
    put_protocols(rows, evidence);
    put_link_source(rows, evidence);
}

/* An IPv6 darknet may have more addresses than the number can say: it is then the largest. */
static uint64_t monitored(const struct prefixset *darknet)
{
    double size = prefixset_size(darknet);
    return size < 0x1p64 ? (uint64_t)size : UINT64_MAX;
}

static void put_extras(const struct survey *survey, struct rows *rows)
{
    rows_extra_u64(rows, "monitored", monitored(survey->darknet));
    rows_extra_u64(rows, "lit", lit_count(survey->lit));
    rows_extra_u64(rows, "captured", survey->captured);
    rows_extra_u64(rows, "undecodable", survey->undecodable);
    if (lit_refused(survey->lit))
        rows_extra_u64(rows, "refused", lit_refused(survey->lit));
    rows_extra_u64(rows, "observed_seconds", survey->observed_ns / (uint64_t)NS_PER_S);
    if (survey->live)
        rows_extra_u64(rows, "dropped", survey->kernel_dropped + survey->interface_dropped);
}

static int print_rows(struct survey *survey, enum rows_format format, char *errmsg)
{
    struct rows *rows = rows_begin(stdout, format, columns);
    if (!rows)
        return err_set(errmsg, ERR_NOMEM, "printing the result: out of memory");
    put_extras(survey, rows);
    lit_take(survey->lit, put_row, rows);
    int result = rows_end(rows);
    return result ? write_error(result, errmsg) : 0;
}

/* --- a list for --exclude --------------------------------------------------------------------- */

struct exclusion {
    struct prefixset *set;
    int result;
};

static void add_exclusion(void *user, const struct lit_evidence *evidence)
{
    struct exclusion *exclusion = user;
    char address[INET6_ADDRSTRLEN];
    address_text(evidence, address);
    if (exclusion->result == 0)
        exclusion->result = prefixset_add(exclusion->set, address, NULL);
}

/* The lit addresses as a canonical list, which merges them; to free(). NULL without memory. */
static char *exclusion_text(struct lit *lit)
{
    struct exclusion exclusion = {.set = prefixset_new()};
    char *text = NULL;
    if (!exclusion.set)
        return NULL;
    lit_take(lit, add_exclusion, &exclusion);
    if (exclusion.result == 0 && prefixset_finish(exclusion.set, NULL) == 0)
        text = prefixset_text(exclusion.set);
    prefixset_free(exclusion.set);
    return text;
}

/* Nothing where nothing is lit: an empty list is no list. */
static int print_exclusion(struct survey *survey, char *errmsg)
{
    if (lit_count(survey->lit) == 0)
        return 0;
    char *text = exclusion_text(survey->lit);
    if (!text)
        return err_set(errmsg, ERR_NOMEM, "printing the result: out of memory");
    int result = puts(text) == EOF || fflush(stdout) ? err_from_errno(errno) : 0;
    free(text);
    return result ? write_error(result, errmsg) : 0;
}

/* --- the summary ------------------------------------------------------------------------------ */

#define GROUPED_MAX 64 /* 2^128 has 39 digits */

/* A whole number with its thousands separated by commas. */
static const char *grouped(double value, char out[GROUPED_MAX])
{
    char digits[GROUPED_MAX];
    int count = snprintf(digits, sizeof digits, "%.0f", value);
    char *at = out;
    for (int i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

static void summarize(const struct survey *survey, uint32_t lit)
{
    char seconds[GROUPED_MAX], some[GROUPED_MAX], all[GROUPED_MAX], dropped[GROUPED_MAX];
    uint64_t observed_s = survey->observed_ns / (uint64_t)NS_PER_S;
    grouped((double)(survey->kernel_dropped + survey->interface_dropped), dropped);
    log_info("observed %s s, %s of %s addresses are lit%s%s", grouped((double)observed_s, seconds),
             grouped(lit, some), grouped(prefixset_size(survey->darknet), all),
             survey->live ? "; kernel and interface dropped " : "", survey->live ? dropped : "");
}

/* What makes the survey less than whole. */
static void warn(struct survey *survey, uint64_t refused)
{
    uint64_t dropped = survey->kernel_dropped + survey->interface_dropped;
    if (dropped)
        log_warn("%" PRIu64 " packets were dropped before they could be looked at, so that lit "
                 "addresses may be missing; repeat the survey, one interface at a time or when "
                 "there is less traffic",
                 dropped);
    if (refused == 0)
        return;
    survey->failed = true;
    log_error("%" PRIu64 " packets from further addresses found no room in the table of %u lit "
              "addresses; survey a smaller prefix",
              refused, LIT_MAX);
}

void survey_print(struct survey *survey, enum survey_format format, enum rows_format rows_format)
{
    char errmsg[ERRMSG_SIZE];
    uint32_t lit = lit_count(survey->lit);
    uint64_t refused = lit_refused(survey->lit);
    int result = format == SURVEY_EXCLUDE ? print_exclusion(survey, errmsg)
                                          : print_rows(survey, rows_format, errmsg);
    if (result) {
        survey->failed = true;
        log_error("%s", errmsg);
    }
    summarize(survey, lit);
    warn(survey, refused);
}
