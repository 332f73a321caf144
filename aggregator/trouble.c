#include "aggregator/trouble.h"

#include <stdio.h>
#include <string.h>

static struct trouble *find(struct troubles *troubles, const char *sensor)
{
    for (size_t i = 0; troubles->count > 0 && i < TROUBLES_MAX; i++)
        if (strcmp(troubles->list[i].sensor, sensor) == 0)
            return &troubles->list[i];
    return NULL;
}

/* A free place, or the oldest one: a free one has no order. */
static struct trouble *place(struct troubles *troubles)
{
    struct trouble *oldest = &troubles->list[0];
    for (size_t i = 1; i < TROUBLES_MAX; i++)
        if (troubles->list[i].order < oldest->order)
            oldest = &troubles->list[i];
    return oldest;
}

bool troubles_begin(struct troubles *troubles, const char *sensor, const char *what)
{
    struct trouble *trouble = find(troubles, sensor);
    if (trouble && strncmp(trouble->what, what, sizeof trouble->what - 1) == 0)
        return false;
    if (!trouble) {
        trouble = place(troubles);
        troubles->count += trouble->order == 0;
    }
    trouble->order = ++troubles->begun;
    snprintf(trouble->sensor, sizeof trouble->sensor, "%s", sensor);
    snprintf(trouble->what, sizeof trouble->what, "%s", what);
    return true;
}

bool troubles_end(struct troubles *troubles, const char *sensor)
{
    struct trouble *trouble = find(troubles, sensor);
    if (!trouble)
        return false;
    *trouble = (struct trouble){0};
    troubles->count--;
    return true;
}
