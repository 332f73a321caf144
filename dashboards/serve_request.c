#include "dashboards/serve_request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"
#include "dashboards/options_table.h"

#define HOST_MAX 255

/* --- target ----------------------------------------------------------------------------------- */

const char *serve_request_refused(const char *target)
{
    size_t parameters = 1, path = strcspn(target, "?");
    const char *nul = strstr(target, "%00");
    if (nul && nul < target + path)
        return "the path has a NUL in it";
    for (const char *at = target + path; (at = strchr(at, '&')); at++)
        if (++parameters > SERVE_PARAMETERS_MAX)
            return "these are more parameters than there are";
    return NULL;
}

const char *serve_request_path(const char *target, char host[SERVE_HOST_SIZE], bool *absolute)
{
    static const char scheme[] = "http://";
    *absolute = strncasecmp(target, scheme, sizeof scheme - 1) == 0;
    if (!*absolute)
        return target;
    const char *begin = target + sizeof scheme - 1;
    size_t size = strcspn(begin, "/");
    snprintf(host, SERVE_HOST_SIZE, "%.*s", size < SERVE_HOST_SIZE ? (int)size : 0, begin);
    return begin[size] ? begin + size : "/";
}

/* --- host ------------------------------------------------------------------------------------- */

static bool is_number(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_listed(const char *host, const char *names)
{
    size_t size = strlen(host);
    for (const char *at = names; at && size; at = *at ? at + 1 : NULL) {
        size_t length = strcspn(at, ",");
        if (length == size && strncasecmp(at, host, size) == 0)
            return true;
        at += length;
    }
    return false;
}

/* Copies the host without brackets and port. False when it is too long or something is amiss. */
static bool cut_port(const char *text, char host[HOST_MAX + 1])
{
    bool bracket = text[0] == '[';
    const char *begin = text + bracket, *end = begin + strcspn(begin, bracket ? "]" : ":");
    size_t size = (size_t)(end - begin);
    if (size > HOST_MAX || (bracket && *end++ != ']'))
        return false;
    memcpy(host, begin, size);
    host[size] = '\0';
    return *end == '\0' || (*end == ':' && strlen(end + 1) == strspn(end + 1, "0123456789"));
}

bool serve_request_host(const char *text, const char *names)
{
    char host[HOST_MAX + 1];
    if (!text || !cut_port(text, host))
        return false;
    return is_number(host) || strcasecmp(host, "localhost") == 0 || is_listed(host, names);
}

/* --- parameters ------------------------------------------------------------------------------- */

void serve_request_begin(struct options *options)
{
    *options = (struct options){.method = METHOD_DAILY, .format = ROWS_JSON, .by_http = true};
}

/* The option of that name among those taken; OPTION_IDS when there is none. */
static enum option_id find(uint64_t takes, const char *name, size_t size)
{
    for (int id = 0; id < OPTION_IDS; id++)
        if (takes & OPTION_BIT(id) && strlen(option_rows[id].name) == size &&
            memcmp(option_rows[id].name, name, size) == 0)
            return (enum option_id)id;
    return OPTION_IDS;
}

void serve_request_message(char *errmsg)
{
    char *to = errmsg;
    for (const char *from = errmsg; *from; from++) {
        if ((from == errmsg || from[-1] == ' ') && from[0] == '-' && from[1] == '-')
            from += 2;
        if (!*from)
            break;
        *to++ = *from;
    }
    *to = '\0';
}

int serve_request_parameter(struct options *options, uint64_t takes, const char *name,
                            size_t name_size, const char *value, size_t value_size, char *errmsg)
{
    int shown = name_size < 40 ? (int)name_size : 40;
    enum option_id id = find(takes, name, name_size);
    if (id == OPTION_IDS)
        return err_set(errmsg, ERR_INVALID, "%.*s: no such parameter here", shown, name);
    if (options->given & OPTION_BIT(id))
        return err_set(errmsg, ERR_INVALID, "%.*s: given twice", shown, name);
    if (!value || value_size == 0)
        return err_set(errmsg, ERR_INVALID, "%.*s: its value is missing", shown, name);
    if (strlen(value) != value_size)
        return err_set(errmsg, ERR_INVALID, "%.*s: its value has a NUL in it", shown, name);
    options->given |= OPTION_BIT(id);
    int rc = option_rows[id].set(options, value, errmsg);
    if (rc)
        serve_request_message(errmsg);
    return rc;
}
