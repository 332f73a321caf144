/*
 * What the files of export share: the export under way. export.c opens and closes it and asks the
 * query layer; every period then goes to export_rows.c or, broken down by address, to
 * export_addresses.c. Nobody else includes this.
 */
#ifndef DASHBOARDS_EXPORT_PRIVATE_H
#define DASHBOARDS_EXPORT_PRIVATE_H

#include "common/addrvec.h"
#include "dashboards/disclose.h"
#include "dashboards/ipfix.h"
#include "dashboards/lines.h"
#include "dashboards/options.h"
#include "dashboards/pseudonym.h"
#include "dashboards/query.h"
#include "dashboards/textout.h"

struct export
{
    const struct options *options;
    struct query query;
    bool any; /* whether the store can have data of the range */
    struct store *store;
    struct disclose disclose;    /* what of the period at hand may be told */
    struct pseudonym *pseudonym; /* NULL: real addresses, or none */
    struct outfile *file;
    struct textout text;
    struct lines lines; /* csv, json */
    struct ipfix ipfix;
    struct addrvec renamed; /* the period's addresses under their pseudonyms */

    size_t *order; /* of the rows that are told */
    size_t room;

    char start[32]; /* of the period, RFC 3339 */
    uint64_t intervals;
    uint64_t unknown;  /* periods without data, or whose breakdown is not kept */
    uint64_t withheld; /* cells */
};

/* Before the first period: header, templates. */
void export_rows_begin(struct export *export);
void export_addresses_begin(struct export *export);

/* One period. Errors of memory and of the store; those of writing are found in export->text. */
int export_rows_period(struct export *export, const struct query_period *period, char *errmsg);
int export_addresses_period(struct export *export, const struct query_period *period, char *errmsg);

#endif
