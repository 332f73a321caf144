#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/apply.h"
#include "aggregator/lane_inside.h"
#include "common/err.h"

/* What the sensor's inventory had when the record's interval began: in `*addresses`, NULL for a sensor
 * that has none in the registry. ERR_REFUSED when it had nothing; ERR_NOMEM. */
static int take_addresses(struct owner *owner, const struct record *record,
                          const struct prefixset **addresses, struct frame_refuse *refuse)
{
    const struct inventory_version *version = inventory_at(&owner->inventory, record->start_s);
    int rc = 0;
    *addresses = NULL;
    if (!owner->open.inventory)
        return 0;
    if (version)
        *addresses = inventory_addresses(&owner->inventory, version, &rc);
    if (rc || *addresses)
        return rc;
    refuse->code = REFUSE_IDENTITY;
    refuse->final = !version || owner->open.replay;
    snprintf(refuse->text, sizeof refuse->text,
             "record %" PRIu64 " is of a time %s: 'sensor inventory --add' says since when its "
             "addresses are dark",
             record->seq,
             version ? "when nothing was darknet of the sensor any more"
                     : "before the sensor was enrolled from");
    return ERR_REFUSED;
}

/* A record of an address that was not in the inventory then: says what to do, and lets a live sensor
 * keep it, since the inventory may be what is wrong. */
static void explain_foreign(const struct owner *owner, const struct record *record,
                            struct frame_refuse *refuse)
{
    const struct inventory_version *version = inventory_at(&owner->inventory, record->start_s);
    size_t used = strlen(refuse->text);
    char from[32];
    calendar_rfc3339(version->from_s, from);
    refuse->final = owner->open.replay;
    snprintf(
        refuse->text + used, sizeof refuse->text - used,
        " from %s on: that is %.120s. Change darknet in the sensor's configuration, or 'sensor "
        "inventory %s'",
        from, version->list, owner->lane->part.sensor);
}

int lane_check(struct owner *owner, const struct record *record, struct frame_refuse *refuse)
{
    const struct prefixset *addresses;
    struct frame_refuse why = {0};
    int none = take_addresses(owner, record, &addresses, &why);
    if (none == ERR_NOMEM)
        return lane_refuse_store(refuse, err_str(ERR_NOMEM));
    int rc = apply_check(&owner->lane->part, owner->open.epoch, record, refuse);
    if (rc == 0 && none)
        *refuse = why;
    if (rc || none)
        return rc ? rc : none;
    rc = apply_check_addresses(&owner->lane->part, addresses, record, refuse);
    if (rc && addresses)
        explain_foreign(owner, record, refuse);
    return rc;
}

void lane_inventory(struct owner *owner, const char *text)
{
    struct inventory fresh;
    inventory_init(&fresh);
    if (inventory_parse(&fresh, text, NULL) != 0) {
        inventory_close(&fresh);
        return; /* the one before holds */
    }
    inventory_close(&owner->inventory);
    owner->inventory = fresh;
}
