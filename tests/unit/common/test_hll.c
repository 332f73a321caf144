#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "common/hll.h"
#include "tests/unit/common/random.h"

Test(hll, murmurhash64a_has_its_published_value)
{
    /* SMHasher's verification: hash keys {}, {0}, {0,1}, ... with seed 256 - n, then hash the
     * hashes. */
    uint8_t key[256], hashes[256 * 8];
    for (int n = 0; n < 256; n++) {
        key[n] = (uint8_t)n;
        uint64_t hash = murmurhash64a(key, (size_t)n, (uint64_t)(256 - n));
        for (int i = 0; i < 8; i++)
            hashes[n * 8 + i] = (uint8_t)(hash >> (8 * i));
    }
    cr_expect_eq((uint32_t)murmurhash64a(hashes, sizeof hashes, 0), 0x1f0d3804u);
}

Test(hll, add_and_merge_say_whether_something_changed)
{
    struct hll a, b;
    hll_clear(&a);
    hll_clear(&b);
    cr_expect(hll_add(&a, "\xc0\0\2\1", 4));
    cr_expect_not(hll_add(&a, "\xc0\0\2\1", 4));
    cr_expect_eq(hll_count(&a), 1);
    cr_expect_not(hll_merge(&a, &b));
    cr_expect(hll_merge(&b, &a));
    cr_expect_not(hll_merge(&b, &a));
    cr_expect_arr_eq(a.registers, b.registers, HLL_REGISTERS);
}

Test(hll, an_empty_sketch_counts_nothing)
{
    struct hll hll;
    hll_clear(&hll);
    cr_expect_eq(hll_count(&hll), 0);
}

Test(hll, an_impossibly_full_sketch_does_not_overflow)
{
    struct hll hll;
    for (int rank = 40; rank <= HLL_REGISTER_MAX; rank++) {
        memset(hll.registers, rank, HLL_REGISTERS);
        uint64_t count = hll_count(&hll);
        cr_expect(count > UINT64_C(1) << rank && count <= INT64_MAX, "rank %d: %llu", rank,
                  (unsigned long long)count);
    }
}

Test(hll, redis_form_comes_back_and_is_checked)
{
    struct hll hll, back;
    uint8_t form[HLL_REDIS_SIZE + 1];
    uint64_t seed = 9;
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        hll.registers[i] = (uint8_t)random_below(&seed, HLL_REGISTER_MAX + 1);
    hll_to_redis(&hll, form);
    cr_assert_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE), 0);
    cr_expect_arr_eq(hll.registers, back.registers, HLL_REGISTERS);
    cr_expect_eq(form[15], 0x80, "the cached count is stale");
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE - 1), ERR_DAMAGED);
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE + 1), ERR_DAMAGED);
    cr_expect_eq(hll_from_redis(&back, form, 0), ERR_DAMAGED);
    form[4] = 1;
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE), ERR_DAMAGED, "sparse");
    form[4] = 0;
    form[0] = 'h';
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE), ERR_DAMAGED, "no HYLL");
}

Test(hll, a_register_out_of_range_is_refused_wherever_it_stands)
{
    static const size_t places[] = {0, 1, 2, 3, 4, 8191, HLL_REGISTERS - 2, HLL_REGISTERS - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct hll hll, back;
        uint8_t form[HLL_REDIS_SIZE];
        hll_clear(&hll);
        hll.registers[places[i]] = HLL_REGISTER_MAX;
        hll_to_redis(&hll, form);
        cr_expect_eq(hll_from_redis(&back, form, sizeof form), 0);
        cr_expect_arr_eq(hll.registers, back.registers, HLL_REGISTERS);
        hll.registers[places[i]] = HLL_REGISTER_MAX + 1;
        hll_to_redis(&hll, form);
        cr_expect_eq(hll_from_redis(&back, form, sizeof form), ERR_DAMAGED, "at %zu", places[i]);
    }
}

/* --- against a real Redis --------------------------------------------------------------------- */

struct redis {
    char directory[64];
    pid_t server;
    FILE *stream; /* the connection, both ways */
};

static bool connect_to(struct redis *redis, const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        close(fd);
        return false;
    }
    redis->stream = fdopen(fd, "r+");
    return redis->stream != NULL;
}

/* Starts a redis-server of our own on a socket in a directory of its own, and connects: 10 s at
 * most. */
static void redis_start(struct redis *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(redis->directory, "/tmp/darkcount-hll-XXXXXX");
    cr_assert_not_null(mkdtemp(redis->directory));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", redis->directory);
    redis->server = fork();
    if (redis->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", address.sun_path,
               "--dir", redis->directory, "--save", "", "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; tries < 1000; tries++) {
        if (connect_to(redis, &address))
            return;
        cr_assert_eq(waitpid(redis->server, NULL, WNOHANG), 0, "redis-server does not start");
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    cr_assert_fail("redis-server does not answer");
}

static void redis_stop(struct redis *redis)
{
    char path[96];
    fclose(redis->stream);
    kill(redis->server, SIGKILL);
    waitpid(redis->server, NULL, 0);
    snprintf(path, sizeof path, "%s/socket", redis->directory);
    unlink(path);
    cr_expect_eq(rmdir(redis->directory), 0);
}

static void send_word(struct redis *redis, const void *word, size_t size)
{
    fprintf(redis->stream, "$%zu\r\n", size);
    fwrite(word, 1, size, redis->stream);
    fputs("\r\n", redis->stream);
}

/* Sends a command's name, a key and `count` further words of `size` bytes each. */
static void send_command(struct redis *redis, const char *name, const char *key, const void *words,
                         size_t count, size_t size)
{
    fprintf(redis->stream, "*%zu\r\n", count + 2);
    send_word(redis, name, strlen(name));
    send_word(redis, key, strlen(key));
    for (size_t i = 0; i < count; i++)
        send_word(redis, (const uint8_t *)words + i * size, size);
    fflush(redis->stream);
}

/* The number that a reply begins with, behind its type ':' or '$'; "+OK" gives 0. */
static uint64_t read_number(struct redis *redis)
{
    char line[64];
    cr_assert_not_null(fgets(line, sizeof line, redis->stream));
    cr_assert(strchr(":$+", line[0]), "Redis says: %s", line);
    return strtoull(line + 1, NULL, 10);
}

static uint64_t pfcount(struct redis *redis, const char *key)
{
    send_command(redis, "PFCOUNT", key, NULL, 0, 0);
    return read_number(redis);
}

/* What GET gives of a dense sketch. */
static void get_dense(struct redis *redis, const char *key, uint8_t form[HLL_REDIS_SIZE])
{
    char end[2];
    send_command(redis, "GET", key, NULL, 0, 0);
    cr_assert_eq(read_number(redis), HLL_REDIS_SIZE);
    cr_assert_eq(fread(form, 1, HLL_REDIS_SIZE, redis->stream), HLL_REDIS_SIZE);
    cr_assert_eq(fread(end, 1, 2, redis->stream), 2);
}

static void set_dense(struct redis *redis, const char *key, const struct hll *hll)
{
    uint8_t form[HLL_REDIS_SIZE];
    hll_to_redis(hll, form);
    send_command(redis, "SET", key, form, 1, sizeof form);
    read_number(redis);
}

/* Adds the elements [from, to) to a sketch of ours and to `key`. Elements are 4 or 16 bytes. */
static void add_both(struct redis *redis, const char *key, struct hll *hll, size_t from, size_t to,
                     size_t size)
{
    static uint8_t words[2000 * 16];
    for (size_t done = from; done < to;) {
        size_t count = to - done < 2000 ? to - done : 2000;
        for (size_t i = 0; i < count; i++, done++) {
            uint64_t state = done;
            for (size_t at = 0; at < size; at += 4) {
                uint32_t part = at ? (uint32_t)random_next(&state) : (uint32_t)(done * 2654435761u);
                memcpy(words + i * size + at, &part, 4);
            }
            hll_add(hll, words + i * size, size);
        }
        send_command(redis, "PFADD", key, words, count, size);
        read_number(redis);
    }
}

static void expect_same_registers(struct redis *redis, const char *key, const struct hll *hll)
{
    uint8_t ours[HLL_REDIS_SIZE], theirs[HLL_REDIS_SIZE];
    struct hll back;
    get_dense(redis, key, theirs);
    hll_to_redis(hll, ours);
    cr_expect_arr_eq(ours + 16, theirs + 16, HLL_REDIS_SIZE - 16, "the registers of %s", key);
    cr_expect_arr_eq(ours, theirs, 8);
    cr_assert_eq(hll_from_redis(&back, theirs, sizeof theirs), 0);
    cr_expect_arr_eq(back.registers, hll->registers, HLL_REGISTERS);
}

static void compare_growth(struct redis *redis, size_t size)
{
    static const size_t steps[] = {0, 1, 2, 100, 1000, 10000, 50000, 100000, 1000000};
    struct hll hll;
    char key[32];
    hll_clear(&hll);
    snprintf(key, sizeof key, "grown-%zu", size);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (i)
            add_both(redis, key, &hll, steps[i - 1], steps[i], size);
        uint64_t count = hll_count(&hll);
        cr_expect_eq(count, pfcount(redis, key), "%zu elements", steps[i]);
        set_dense(redis, "ours", &hll);
        cr_expect_eq(count, pfcount(redis, "ours"), "%zu elements, our form", steps[i]);
        cr_expect_float_eq((double)count, (double)steps[i], 0.03 * (double)steps[i] + 0.5);
        if (steps[i] >= 10000) /* Redis's own form is dense by then */
            expect_same_registers(redis, key, &hll);
    }
}

Test(hll, counts_and_registers_are_those_of_redis)
{
    struct redis redis;
    redis_start(&redis);
    compare_growth(&redis, 4);
    compare_growth(&redis, 16);
    redis_stop(&redis);
}

Test(hll, merges_as_redis_does)
{
    static const size_t ranges[][2] = {{0, 10}, {5, 3000}, {2000, 60000}, {0, 60000}};
    struct redis redis;
    struct hll all;
    redis_start(&redis);
    hll_clear(&all);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct hll part;
        char key[16];
        hll_clear(&part);
        snprintf(key, sizeof key, "part-%zu", i);
        add_both(&redis, key, &part, ranges[i][0], ranges[i][1], 4);
        set_dense(&redis, "ours", &part);
        hll_merge(&all, &part);
        send_command(&redis, "PFMERGE", i % 2 ? "from-ours" : "from-theirs", i % 2 ? "ours" : key,
                     1, i % 2 ? 4 : strlen(key));
        read_number(&redis);
    }
    send_command(&redis, "PFMERGE", "from-ours", "from-theirs", 1, strlen("from-theirs"));
    read_number(&redis);
    cr_expect_eq(hll_count(&all), pfcount(&redis, "from-ours"));
    expect_same_registers(&redis, "from-ours", &all);
    redis_stop(&redis);
}

/* Registers as no few elements make them: each rank up to the highest takes its part in the count. */
Test(hll, sketches_with_the_highest_ranks_count_as_in_redis)
{
    struct redis redis;
    uint64_t seed = 22;
    redis_start(&redis);
    for (int lowest = 0; lowest <= 46; lowest += 2) {
        struct hll hll;
        for (size_t i = 0; i < HLL_REGISTERS; i++)
            hll.registers[i] =
                (uint8_t)(lowest + random_below(&seed, (uint64_t)(HLL_REGISTER_MAX - lowest + 1)));
        set_dense(&redis, "ours", &hll);
        cr_expect_eq(hll_count(&hll), pfcount(&redis, "ours"), "ranks from %d", lowest);
    }
    redis_stop(&redis);
}
