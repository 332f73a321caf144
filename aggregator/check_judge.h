/*
 * What `check` makes of a Redis server's answers: check_store.c asks the questions of this list, in
 * order, and each `judge` prints a line or remembers what a later one needs. No I/O of its own.
 */
#ifndef AGGREGATOR_CHECK_JUDGE_H
#define AGGREGATOR_CHECK_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include <hiredis/hiredis.h>

#include "aggregator/durability.h"
#include "common/checks.h"

#define QUESTION_WORDS_MAX 8

/* A server that is being looked at. */
struct subject {
    struct checks *checks;
    const char *store; /* its URL, for messages */
    char name[300];    /* of a cluster: which of its servers, with ": " behind it; else empty */
    const char *timezone;
    const struct durability *durability;
    char user[128];                       /* as whom we are logged in */
    char appendonly[16], appendfsync[16]; /* empty: not known */
    unsigned replicas;                    /* that follow */
};

struct question {
    const char *words[QUESTION_WORDS_MAX];
    void (*judge)(struct subject *subject, const redisReply *reply);
};
extern const struct question judge_questions[];
extern const size_t judge_question_count;

/* A line about the server. */
void judge_say(const struct subject *subject, enum verdict verdict, const char *what,
               const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Whether the answer is of use; says why not. */
bool judge_sound(const struct subject *subject, const redisReply *reply, const char *what);

#endif
