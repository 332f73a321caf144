#include "aggregator/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/calendar.h"
#include "common/err.h"

#define MINUTE_S 60

/* The sensor of a token, from before its reading to after its writing. */
struct entry {
    int lock;
    struct enrolment enrolment;
};

int enrol_open(struct enrol *enrol, const char *state, int64_t now_s, char *errmsg)
{
    *enrol = (struct enrol){.state = state};
    int lock = registry_lock(state, REGISTRY_LOCK_MS, errmsg);
    if (lock < 0)
        return lock;
    int rc = ca_open(&enrol->ca, state, now_s, errmsg);
    close(lock);
    return rc;
}

void enrol_close(struct enrol *enrol)
{
    ca_close(&enrol->ca);
}

static int entry_open(struct entry *entry, const struct enrol *enrol, const char *name, int wait_ms,
                      char *errmsg)
{
    entry->lock = registry_lock(enrol->state, wait_ms, errmsg);
    if (entry->lock < 0)
        return entry->lock;
    int rc = registry_read(enrol->state, name, &entry->enrolment, errmsg);
    if (rc)
        close(entry->lock);
    return rc;
}

static void entry_close(struct entry *entry)
{
    enrolment_close(&entry->enrolment);
    close(entry->lock);
}

/* --- by the operator -------------------------------------------------------------------------- */

static int invite(const struct enrol *enrol, struct enrolment *enrolment, int64_t now_s,
                  struct token *token, char *errmsg)
{
    if (token_new(token, enrol->ca.pin) != 0)
        return err_set(errmsg, ERR_IO, "token: the system has no random numbers");
    token_hash(token->secret, enrolment->token);
    enrolment->token_until_s = now_s + REGISTRY_TOKEN_S;
    return registry_write(enrol->state, enrolment, errmsg);
}

/* An address of two sensors at one time would count twice, revoked or not: what it counted stands. */
static int compare(struct enrolment *ours, struct enrolment *other, char *errmsg)
{
    char where[64], at[32];
    int64_t at_s;
    int rc = inventory_overlap(&ours->inventory, &other->inventory, where, &at_s);
    if (rc < 0)
        return err_set(errmsg, rc, "%s", err_str(rc));
    calendar_rfc3339(at_s, at);
    return rc ? err_set(errmsg, ERR_REFUSED,
                        "sensor %s: from %s on %s is in the darknet of sensor %s: counted by %s as "
                        "well it would count twice",
                        ours->name, at, where, other->name, ours->name)
              : 0;
}

static int compare_all(const struct enrol *enrol, struct enrolment *ours, bool fresh, char *errmsg)
{
    struct enrolment *list;
    size_t count;
    int rc = registry_list(enrol->state, &list, &count, errmsg);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        bool same = strcmp(list[i].name, ours->name) == 0;
        if (same && fresh)
            rc = err_set(errmsg, ERR_REFUSED,
                         "sensor %s: is enrolled already; 'sensor replace %s' invites it again",
                         ours->name, ours->name);
        else if (!same)
            rc = compare(ours, &list[i], errmsg);
    }
    registry_list_free(list, count);
    return rc;
}

int enrol_add(struct enrol *enrol, const char *name, const char *darknet, int64_t from_s,
              int64_t now_s, struct token *token, char *errmsg)
{
    int lock = registry_lock(enrol->state, REGISTRY_LOCK_MS, errmsg);
    if (lock < 0)
        return lock;
    struct enrolment fresh = {0};
    snprintf(fresh.name, sizeof fresh.name, "%s", name);
    int rc = inventory_change(&fresh.inventory, from_s - from_s % MINUTE_S, darknet, NULL, errmsg);
    if (rc == 0)
        rc = compare_all(enrol, &fresh, true, errmsg);
    if (rc == 0)
        rc = invite(enrol, &fresh, now_s, token, errmsg);
    enrolment_close(&fresh);
    close(lock);
    return rc;
}

static int change_entry(const struct enrol *enrol, struct enrolment *enrolment, int64_t from_s,
                        const char *plus, const char *minus, char *errmsg)
{
    int rc = inventory_change(&enrolment->inventory, from_s, plus, minus, errmsg);
    if (rc)
        return err_wrap(errmsg, rc, "sensor %s", enrolment->name);
    if (enrolment->inventory.count == 0)
        return err_set(
            errmsg, ERR_REFUSED,
            "sensor %s: no address would ever have been darknet; 'sensor revoke' ends it",
            enrolment->name);
    rc = compare_all(enrol, enrolment, false, errmsg);
    return rc ? rc : registry_write(enrol->state, enrolment, errmsg);
}

int enrol_change(struct enrol *enrol, const char *name, int64_t from_s, const char *plus,
                 const char *minus, char *errmsg)
{
    struct entry entry;
    if (from_s % MINUTE_S != 0)
        return err_set(
            errmsg, ERR_INVALID,
            "sensor %s: an inventory changes at a whole minute, as records are of minutes", name);
    int rc = entry_open(&entry, enrol, name, REGISTRY_LOCK_MS, errmsg);
    if (rc)
        return rc;
    rc = change_entry(enrol, &entry.enrolment, from_s, plus, minus, errmsg);
    entry_close(&entry);
    return rc;
}

int enrol_replace(struct enrol *enrol, const char *name, int64_t now_s, struct token *token,
                  char *errmsg)
{
    struct entry entry;
    int rc = entry_open(&entry, enrol, name, REGISTRY_LOCK_MS, errmsg);
    if (rc)
        return rc;
    rc = invite(enrol, &entry.enrolment, now_s, token, errmsg);
    entry_close(&entry);
    return rc;
}

int enrol_revoke(struct enrol *enrol, const char *name, int64_t now_s, char *errmsg)
{
    struct entry entry;
    int rc = entry_open(&entry, enrol, name, REGISTRY_LOCK_MS, errmsg);
    if (rc)
        return rc;
    if (!entry.enrolment.revoked)
        entry.enrolment.revoked_s = now_s;
    entry.enrolment.revoked = true;
    entry.enrolment.token[0] = '\0';
    rc = registry_write(enrol->state, &entry.enrolment, errmsg);
    entry_close(&entry);
    return rc;
}

/* --- by the sensor ---------------------------------------------------------------------------- */

static int refuse_for(struct frame_refuse *refuse, enum refuse_code code, const char *text)
{
    *refuse = (struct frame_refuse){.code = code};
    snprintf(refuse->text, sizeof refuse->text, "%.400s", text);
    return ERR_REFUSED;
}

/* Signs for the sensor into `out`, and notes the new certificate in the entry. */
static int sign(const struct enrol *enrol, struct enrolment *enrolment, const char *request,
                int64_t now_s, char serial[CERT_SERIAL_MAX + 1], struct frame_certificate *out,
                char *errmsg)
{
    struct cert_facts facts;
    *out = (struct frame_certificate){0};
    strcpy(out->sensor, enrolment->name);
    out->certificate = ca_sign(&enrol->ca, enrolment->name, request, now_s, errmsg);
    if (!out->certificate)
        return ERR_INVALID;
    out->darknet = strdup(enrolment_darknet(enrolment, now_s));
    out->authority = strdup(enrol->ca.certificate);
    if (!out->darknet || !out->authority || cert_read(out->certificate, &facts, errmsg) != 0)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    strcpy(serial, facts.serial);
    enrolment->until_s = facts.until_s;
    return registry_write(enrol->state, enrolment, errmsg);
}

/* What sign() made, when it failed. */
static int give_up(struct frame_certificate *out, struct frame_refuse *refuse, const char *errmsg)
{
    struct frame frame = {.type = FRAME_CERTIFICATE, .certificate = *out};
    frame_close(&frame);
    return refuse_for(refuse, REFUSE_CERTIFICATE, errmsg);
}

/* The sensor whose token it is, its name into `name`. */
static bool find_token(const struct enrol *enrol, const char *hash, char *name)
{
    struct enrolment *list;
    size_t count;
    bool found = false;
    if (registry_list(enrol->state, &list, &count, NULL) != 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!token_matches(list[i].token, hash))
            continue;
        strcpy(name, list[i].name);
        found = true;
    }
    registry_list_free(list, count);
    return found;
}

static int join_by_token(struct enrol *enrol, const struct frame_join *join, int64_t now_s,
                         struct frame_certificate *out, struct frame_refuse *refuse)
{
    char hash[TOKEN_HASH_SIZE + 1], name[SENSOR_NAME_MAX + 1], errmsg[ERRMSG_SIZE];
    struct entry entry;
    token_hash(join->secret, hash);
    if (!find_token(enrol, hash, name))
        return refuse_for(refuse, REFUSE_CERTIFICATE,
                          "the token is not known: it was used, or another took its place; 'sensor "
                          "replace' makes a new one");
    if (entry_open(&entry, enrol, name, 0, errmsg) != 0)
        return refuse_for(refuse, REFUSE_STORE, errmsg);
    struct enrolment *enrolment = &entry.enrolment;
    int rc = 0;
    if (!token_matches(enrolment->token, hash) || now_s >= enrolment->token_until_s) {
        rc = refuse_for(refuse, REFUSE_CERTIFICATE,
                        "the token has expired: 'sensor replace' makes a new one");
    } else {
        enrolment->token[0] = enrolment->next[0] = '\0';
        enrolment->revoked = false;
        enrolment->revoked_s = 0;
        if (sign(enrol, enrolment, join->request, now_s, enrolment->serial, out, errmsg) != 0)
            rc = give_up(out, refuse, errmsg);
    }
    entry_close(&entry);
    return rc;
}

static int renew(struct enrol *enrol, const struct cert_facts *facts, const struct frame_join *join,
                 int64_t now_s, struct frame_certificate *out, struct frame_refuse *refuse)
{
    char errmsg[ERRMSG_SIZE];
    struct entry entry;
    if (!registry_admits(enrol->state, facts, refuse))
        return ERR_REFUSED;
    if (entry_open(&entry, enrol, facts->name, 0, errmsg) != 0)
        return refuse_for(refuse, REFUSE_STORE, errmsg);
    strcpy(entry.enrolment.serial, facts->serial);
    int rc = 0;
    if (sign(enrol, &entry.enrolment, join->request, now_s, entry.enrolment.next, out, errmsg) != 0)
        rc = give_up(out, refuse, errmsg);
    entry_close(&entry);
    return rc;
}

int enrol_answer(struct enrol *enrol, const struct cert_facts *facts, const struct frame_join *join,
                 int64_t now_s, struct frame_certificate *out, struct frame_refuse *refuse)
{
    return facts ? renew(enrol, facts, join, now_s, out, refuse)
                 : join_by_token(enrol, join, now_s, out, refuse);
}

int enrol_seen(struct enrol *enrol, const struct cert_facts *facts, char *errmsg)
{
    struct entry entry;
    int rc = entry_open(&entry, enrol, facts->name, 0, errmsg);
    if (rc)
        return rc;
    struct enrolment *enrolment = &entry.enrolment;
    if (*enrolment->next && strcmp(enrolment->next, facts->serial) == 0) {
        strcpy(enrolment->serial, facts->serial);
        enrolment->next[0] = '\0';
        rc = registry_write(enrol->state, enrolment, errmsg);
    }
    entry_close(&entry);
    return rc;
}
