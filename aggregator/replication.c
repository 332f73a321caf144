#include "aggregator/replication.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"

static void ask(struct replication *replication);

void replication_init(struct replication *replication)
{
    replication->first = NULL;
    replication->last = &replication->first;
    replication->lacking = false;
}

/* Ends all that wait. The last of them may free the owner. */
static void give_free(struct replication *replication, bool durable)
{
    struct held *held = replication->first;
    replication->first = NULL;
    replication->last = &replication->first;
    while (held) {
        struct held *next = held->next;
        held->done(held, durable);
        held = next;
    }
}

static void tell(struct replication *replication, bool lacking, long long there)
{
    const struct durability *durability = replication->durability;
    if (lacking == replication->lacking)
        return;
    replication->lacking = lacking;
    replication->replicated->lacking += lacking ? 1 : -1u;
    if (lacking)
        log_warn("store %s: %lld of %" PRIu64 " replicas have what was written, after %" PRIu64
                 " ms: nothing is acknowledged until the others have it; start them, see that they "
                 "follow (INFO replication), or change [store] replicas",
                 replication->shown, there, durability->replicas, durability->wait_ms);
    else
        log_info("store %s: %" PRIu64 " replicas have what was written: records are acknowledged "
                 "again",
                 replication->shown, durability->replicas);
}

static void lost(struct replication *replication)
{
    replication->replicated->lacking -= replication->lacking;
    replication->lacking = false;
    give_free(replication, false);
}

static void on_reply(void *data, const redisReply *reply)
{
    struct replication *replication = data;
    if (!reply || reply->type != REDIS_REPLY_INTEGER) {
        if (reply)
            replication->failed(replication, reply->str ? reply->str : "ERR WAIT: no such reply");
        lost(replication);
        return;
    }
    bool enough = (uint64_t)reply->integer >= replication->durability->replicas;
    replication->replicated->waits++;
    replication->replicated->short_waits += !enough;
    tell(replication, !enough, reply->integer);
    if (enough)
        give_free(replication, true);
    else
        ask(replication);
}

static void ask(struct replication *replication)
{
    char replicas[24], wait_ms[24];
    snprintf(replicas, sizeof replicas, "%" PRIu64, replication->durability->replicas);
    snprintf(wait_ms, sizeof wait_ms, "%" PRIu64, replication->durability->wait_ms);
    if (redis_words(replication->redis, (const char *[]){"WAIT", replicas, wait_ms, NULL}, on_reply,
                    replication) != 0)
        lost(replication);
}

void replication_hold(struct replication *replication, struct held *held)
{
    bool asking = replication->first != NULL;
    held->next = NULL;
    *replication->last = held;
    replication->last = &held->next;
    if (!asking)
        ask(replication);
}
