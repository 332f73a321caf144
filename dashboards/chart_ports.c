#include "dashboards/chart_ports.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/tables.h"
#include "dashboards/hbars.h"

/* The ports, then the others, what has no port, and what is withheld. */
static void add_rows(const struct chart_ports *chart, struct hbars *bars)
{
    enum language language = chart->caption.language;
    char name[HBARS_NAME_MAX];
    for (size_t i = 0; i < chart->count; i++) {
        const struct chart_ports_row *port = &chart->rows[i];
        snprintf(name, sizeof name, "%s/%" PRIu16, port->protocol == PROTOCOL_TCP ? "tcp" : "udp",
                 port->port);
        hbars_add(bars, name, port->packets, false);
    }
    if (chart->others)
        hbars_add(bars, label(language, LABEL_OTHERS), chart->others, true);
    if (chart->without)
        hbars_add(bars, label(language, LABEL_NO_PORT), chart->without, true);
    if (chart->withheld)
        hbars_add(bars, label(language, LABEL_WITHHELD), chart->withheld, true);
}

int chart_ports_draw(const struct chart_ports *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    char method[LABELS_MAX];
    struct caption_notes notes;
    struct hbars bars = {.unit = label(language, LABEL_PACKETS), .total = chart->total};
    labels_method_withheld(language, label(language, LABEL_PORTS_METHOD), chart->withheld > 0,
                           method);
    caption_put(&chart->caption, label(language, LABEL_PORTS_TITLE), method, &notes, &bars.sheet);
    add_rows(chart, &bars);
    hbars_draw(&bars, canvas);
    return 0;
}
