#include <criterion/criterion.h>

#include <string.h>

#include "common/err.h"
#include "common/storeurl.h"

Test(storeurl, urls_are_taken_apart)
{
    static const struct {
        const char *text, *path, *host;
        unsigned port;
        const char *user, *password;
        unsigned db;
        const char *shown;
    } table[] = {
        {"unix:///run/redis.sock", "/run/redis.sock", "", 0, "", "", 0, "unix:///run/redis.sock"},
        {"unix:///a%20b", "/a b", "", 0, "", "", 0, "unix:///a b"},
        {"redis://h", "", "h", 6379, "", "", 0, "redis://h:6379/0"},
        {"redis://h/", "", "h", 6379, "", "", 0, "redis://h:6379/0"},
        {"redis://h:1/2", "", "h", 1, "", "", 2, "redis://h:1/2"},
        {"redis://192.0.2.1:65535/65535", "", "192.0.2.1", 65535, "", "", 65535,
         "redis://192.0.2.1:65535/65535"},
        {"redis://[2001:db8::1]", "", "2001:db8::1", 6379, "", "", 0,
         "redis://[2001:db8::1]:6379/0"},
        {"redis://[::1]:7/3", "", "::1", 7, "", "", 3, "redis://[::1]:7/3"},
        {"redis://u:secret@h", "", "h", 6379, "u", "secret", 0, "redis://h:6379/0"},
        {"redis://:secret@h:7", "", "h", 7, "", "secret", 0, "redis://h:7/0"},
        {"redis://u:s%40c%2Fr%3a%25@h", "", "h", 6379, "u", "s@c/r:%", 0, "redis://h:6379/0"},
        {"redis://u:a:b@c@h", "", "h", 6379, "u", "a:b@c", 0, "redis://h:6379/0"},
        {"redis://u:%e6%9d%b1@[::1]:7", "", "::1", 7, "u", "東", 0, "redis://[::1]:7/0"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct storeurl url;
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(storeurl_parse(&url, table[i].text, errmsg), 0, "%s: %s", table[i].text,
                     errmsg);
        cr_expect_str_eq(url.path, table[i].path, "%s", table[i].text);
        cr_expect_str_eq(url.servers[0].host, table[i].host, "%s", table[i].text);
        cr_expect_eq(url.servers[0].port, table[i].port, "%s", table[i].text);
        cr_expect_str_eq(url.user, table[i].user, "%s", table[i].text);
        cr_expect_str_eq(url.password, table[i].password, "%s", table[i].text);
        cr_expect_eq(url.db, table[i].db, "%s", table[i].text);
        cr_expect_str_eq(url.shown, table[i].shown, "%s", table[i].text);
    }
}

/* "secret" stands where somebody may have put a password: it must not come out in the message. */
Test(storeurl, what_is_no_url_is_refused_without_repeating_it)
{
    static const char *const bad[] = {
        "",
        "secret",
        "unix://",
        "unix://run/redis.sock",
        "unix://u:secret@/run/redis.sock",
        "unix:///a%",
        "unix:///a%2",
        "unix:///a%zz",
        "unix:///a%00b",
        "unix:///a%0ab",
        "redis://",
        "redis:///1",
        "redis://:7",
        "redis://h:",
        "redis://h:0",
        "redis://h:65536",
        "redis://h:99999999999999999999",
        "redis://h:secret",
        "redis://h:7x",
        "redis://h:-1",
        "redis://h/secret",
        "redis://h/65536",
        "redis://h/0/1",
        "redis://h/-1",
        "redis://h%",
        "redis://h%0a",
        "redis://h\n",
        "redis://secret@h",
        "redis://u:secret@",
        "redis://u:secret@:7",
        "redis://u:secret/with/slash@h",
        "redis://u:secret%4@h",
        "redis://u:secret%00@h",
        "redis://[::1",
        "redis://[]",
        "redis://[::1]7",
        "redis://[::1]:",
        "redis://::1",
        "redis-cluster://",
        "redis-cluster://u:secret@",
        "redis-cluster://u:secret@h:7,",
        "redis-cluster://u:secret@,h:7",
        "redis-cluster://u:secret@h:7,i:0",
        "redis-cluster://u:secret@h:7/1",
        "redis-cluster://u:secret@h,h,h,h,h,h,h,h,h,h,h,h,h,h,h,h,h",
        "redis://u:secret@h:7,i:8",
        "rediss://u:secret@h",
        "http://u:secret@h",
        "REDIS://h",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct storeurl url;
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(storeurl_parse(&url, bad[i], errmsg), ERR_INVALID, "%s", bad[i]);
        cr_expect(strncmp(errmsg, "store: ", 7) == 0 && strstr(errmsg, "secret") == NULL, "%s: %s",
                  bad[i], errmsg);
    }
}

Test(storeurl, a_cluster_has_one_or_more_servers)
{
    struct storeurl url;
    cr_assert_eq(storeurl_parse(&url, "redis-cluster://u:p@10.0.0.1:7000,[::1]:7001,c", NULL), 0);
    cr_expect(url.cluster && url.server_count == 3 && url.path[0] == '\0');
    cr_expect_str_eq(url.servers[0].host, "10.0.0.1");
    cr_expect_eq(url.servers[0].port, 7000);
    cr_expect_str_eq(url.servers[1].host, "::1");
    cr_expect_eq(url.servers[1].port, 7001);
    cr_expect_str_eq(url.servers[2].host, "c");
    cr_expect_eq(url.servers[2].port, 6379);
    cr_expect_str_eq(url.user, "u");
    cr_expect_str_eq(url.password, "p");
    cr_expect_str_eq(url.shown, "redis-cluster://10.0.0.1:7000,[::1]:7001,c:6379");
    cr_assert_eq(storeurl_parse(&url, "redis-cluster://h", NULL), 0);
    cr_expect_eq(url.server_count, 1);
    cr_assert_eq(storeurl_parse(&url, "redis://h", NULL), 0);
    cr_expect(!url.cluster && url.server_count == 1);
}

Test(storeurl, parts_too_long_are_refused_and_not_cut)
{
    struct storeurl url;
    char text[1024];
    for (size_t size = 90; size < 300; size++) {
        strcpy(text, "redis://");
        memset(text + 8, 'h', size);
        text[8 + size] = '\0';
        cr_expect_eq(storeurl_parse(&url, text, NULL), size < STOREURL_PART_MAX ? 0 : ERR_INVALID,
                     "a host of %zu", size);
        strcpy(text, "unix:///");
        memset(text + 8, 'p', size - 1);
        text[8 + size - 1] = '\0';
        cr_expect_eq(storeurl_parse(&url, text, NULL), size <= 107 ? 0 : ERR_INVALID,
                     "a path of %zu: the system takes 107", size);
    }
}
