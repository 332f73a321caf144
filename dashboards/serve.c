#include "dashboards/serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/address.h"
#include "common/log.h"
#include "dashboards/serve_http.h"

#define BACKLOG 64
#define STOP_MS 700 /* for what is under way when it is told to stop */

/* --- options ---------------------------------------------------------------------------------- */

static int parse_listen(const struct options *options, struct address *address, char *errmsg)
{
    const char *text = options->listen ? options->listen : SERVE_LISTEN;
    int rc = address_parse(address, text, errmsg);
    if (rc)
        return err_wrap(errmsg, rc, "--listen");
    if (address->kind != ADDRESS_TLS || !address->literal)
        return err_set(errmsg, ERR_INVALID, "--listen '%.100s': give ADDRESS:PORT, in numbers",
                       text);
    return 0;
}

/* Names of hosts (RFC 1123 section 2.1) with commas between them. */
static int check_hosts(const char *hosts, char *errmsg)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.,";
    if (!hosts || (*hosts && hosts[strspn(hosts, letters)] == '\0'))
        return 0;
    return err_set(errmsg, ERR_INVALID, "--host '%.100s': give names without ports, such as %s",
                   hosts, "telescope.example.org");
}

int serve_check(struct options *options, char *errmsg)
{
    struct address address;
    int rc = parse_listen(options, &address, errmsg);
    return rc ? rc : check_hosts(options->hosts, errmsg);
}

/* --- listening -------------------------------------------------------------------------------- */

static bool is_loopback(const struct address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->socket;
    if (name->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)name)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)name)->sin6_addr);
}

static int listen_on(const struct address *address, int *descriptor, char *errmsg)
{
    const int on = 1;
    const struct sockaddr *name = (const struct sockaddr *)&address->socket;
    bool v4 = name->sa_family == AF_INET;
    socklen_t size = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *descriptor = fd;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (v4 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
        bind(fd, name, size) == 0 && listen(fd, BACKLOG) == 0)
        return 0;
    err_set(errmsg, ERR_IO, "serve: listening on %s: %s%s", address->shown, strerror(errno),
            errno == EADDRINUSE ? "; --listen gives it another port" : "");
    if (fd >= 0)
        close(fd);
    return ERR_IO;
}

/* --- until it is told to stop ----------------------------------------------------------------- */

static volatile sig_atomic_t stopping;

static void on_deadline(int number)
{
    (void)number;
    _exit(0); /* serve only reads: nothing is lost */
}

/* A store that does not answer must not hold up the end. */
static void on_stop(int number)
{
    const struct itimerval within = {.it_value = {.tv_usec = STOP_MS * 1000}};
    (void)number;
    stopping = 1;
    setitimer(ITIMER_REAL, &within, NULL);
}

/* Stop signals reach the process while it works and while it waits, not between looking at `stopping`
 * and waiting. `waiting` gets the mask to wait with. */
static void watch_signals(sigset_t *stops, sigset_t *waiting)
{
    struct sigaction stop = {.sa_handler = on_stop}, deadline = {.sa_handler = on_deadline};
    sigemptyset(stops);
    sigaddset(stops, SIGTERM);
    sigaddset(stops, SIGINT);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGALRM, &deadline, NULL);
    sigprocmask(SIG_SETMASK, NULL, waiting);
}

static void serve(struct serve_http *http)
{
    sigset_t stops, waiting;
    struct pollfd activity = {.fd = serve_http_descriptor(http), .events = POLLIN};
    watch_signals(&stops, &waiting);
    while (!stopping) {
        int wait_ms = serve_http_wait_ms(http);
        const struct timespec wait = {wait_ms / 1000, wait_ms % 1000 * 1000000L};
        sigprocmask(SIG_BLOCK, &stops, NULL);
        if (!stopping)
            ppoll(&activity, 1, wait_ms < 0 ? NULL : &wait, &waiting);
        sigprocmask(SIG_SETMASK, &waiting, NULL);
        serve_http_turn(http);
    }
}

static void announce(const struct address *address, const struct options *options)
{
    log_info("listening on http://%s/", address->shown);
    if (!is_loopback(address))
        log_warn("%s is no loopback address: whoever reaches it can read every figure, and nothing "
                 "is encrypted",
                 address->shown);
    if (options->real_addresses)
        log_warn("--real-addresses: darknet addresses are given out to whoever asks");
}

int serve_run(const struct options *options, char *errmsg)
{
    struct storeurl url;
    struct address address;
    struct serve_site site;
    struct serve_http *http;
    int descriptor;
    int rc = options_store(options, &url, errmsg);
    if (rc == 0)
        rc = parse_listen(options, &address, errmsg);
    if (rc == 0)
        rc = listen_on(&address, &descriptor, errmsg);
    if (rc)
        return rc;
    serve_site_init(&site, options, &url);
    rc = serve_http_start(&http, descriptor, &site, errmsg);
    if (rc == 0) {
        announce(&address, options);
        serve(http);
        serve_http_stop(http);
    }
    serve_site_close(&site);
    return rc;
}
