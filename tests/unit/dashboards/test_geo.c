#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/unit/common/random.h"
#include "tests/unit/dashboards/mmdb.h"

static struct mmdb made = {GEO_COUNTRY, "country", "192.0.2.0/24 JP\n2001:db8::/32 DE\n", ""};

static void remove_made(void)
{
    mmdb_remove(&made);
}

TestSuite(geo, .fini = remove_made);

static uint32_t find(struct geo *geo, const char *text)
{
    uint8_t address[16];
    char errmsg[ERRMSG_SIZE] = "";
    uint32_t key = 77;
    bool v6 = strchr(text, ':');
    cr_assert_eq(inet_pton(v6 ? AF_INET6 : AF_INET, text, address), 1);
    cr_assert_eq(geo_find(geo, v6 ? 6 : 4, address, &key, errmsg), 0, "%s", errmsg);
    return key;
}

static const char *country(struct geo *geo, const char *text)
{
    static char letters[3];
    uint32_t key = find(geo, text);
    geo_country_letters(key, letters);
    return key ? letters : "-";
}

Test(geo, countries_in_the_form_of_maxmind)
{
    struct geo *geo = mmdb_open(&made);
    cr_expect_str_eq(country(geo, "192.0.2.77"), "JP");
    cr_expect_str_eq(country(geo, "2001:db8::1"), "DE");
    cr_expect_str_eq(country(geo, "192.0.3.1"), "-");
    cr_expect_str_eq(country(geo, "192.0.2.0"), "JP",
                     "what was read last is not what is found next");
    cr_expect_str_eq(country(geo, "2001:db9::1"), "-");
    cr_expect_str_eq(geo_name(geo), "Test-Country");
    cr_expect_eq(geo_built_s(geo), 1767225600); /* as tests/mmdb writes it */
    geo_close(geo);
}

Test(geo, countries_in_the_form_of_the_registries)
{
    struct mmdb codes = {GEO_COUNTRY, "country-code", "192.0.2.0/24 JP\n198.51.100.0/24 ZZZ\n", ""};
    struct geo *geo = mmdb_open(&codes);
    cr_expect_str_eq(country(geo, "192.0.2.1"), "JP");
    cr_expect_str_eq(country(geo, "198.51.100.1"), "-", "that is no code of two letters");
    geo_close(geo);
    mmdb_remove(&codes);
}

Test(geo, systems_and_their_organisations)
{
    struct mmdb asn = {
        GEO_ASN, "asn",
        "192.0.2.0/24 64500 Example Networks\n192.0.3.0/24 4200000000 \033[31mR\303\251d\n"
        "198.51.100.0/24 64501\n",
        ""};
    const uint8_t example[] = {192, 0, 2, 9}, red[] = {192, 0, 3, 9}, none[] = {198, 51, 100, 9};
    char name[GEO_NAME_MAX], errmsg[ERRMSG_SIZE] = "";
    struct geo *geo = mmdb_open(&asn);
    cr_expect_eq(find(geo, "192.0.2.1"), 64500);
    cr_expect_eq(find(geo, "192.0.3.1"), UINT32_C(4200000000));
    cr_expect_eq(find(geo, "192.0.4.1"), 0);
    cr_expect_eq(geo_organisation(geo, 4, example, name, errmsg), 0);
    cr_expect_str_eq(name, "Example Networks");
    cr_expect_eq(geo_organisation(geo, 4, red, name, errmsg), 0);
    cr_expect_str_eq(name, "?[31mR\303\251d", "no control character comes through: %s", name);
    cr_expect_eq(geo_organisation(geo, 4, none, name, errmsg), 0);
    cr_expect_str_eq(name, "");
    geo_close(geo);
    mmdb_remove(&asn);
}

static void expect_refused(enum geo_kind kind, const char *path, int code, const char *word)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct geo *geo;
    cr_expect_eq(geo_open(&geo, kind, path, errmsg), code, "%s", errmsg);
    cr_expect(strstr(errmsg, path) && strstr(errmsg, word), "%s", errmsg);
    cr_expect_null(geo);
}

Test(geo, what_is_none_is_refused)
{
    mmdb_make(&made);
    expect_refused(GEO_COUNTRY, "/nonexistent.mmdb", ERR_IO, "No such file");
    expect_refused(GEO_COUNTRY, "Makefile", ERR_DAMAGED, "no MaxMind DB");
    expect_refused(GEO_ASN, made.path, ERR_INVALID, "names no autonomous systems");
}

static size_t read_made(uint8_t *bytes, size_t room)
{
    FILE *from = fopen(made.path, "rb");
    cr_assert_not_null(from);
    size_t size = fread(bytes, 1, room, from);
    fclose(from);
    return size;
}

static void write_to(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *to = fopen(path, "wb");
    cr_assert(to && fwrite(bytes, 1, size, to) == size && fclose(to) == 0);
}

/* Whatever is in the file: an answer or an error. */
Test(geo, damaged_files_are_no_danger, .timeout = 300)
{
    static uint8_t bytes[1 << 16], changed[1 << 16];
    char path[] = "/tmp/darkcount-mmdb-XXXXXX", errmsg[ERRMSG_SIZE];
    uint64_t state = 4;
    unsigned refused = 0, failed = 0;
    mmdb_make(&made);
    size_t size = read_made(bytes, sizeof bytes);
    /* What comes behind are the metadata, of which libmaxminddb 1.7.1 does not free everything when they
     * are damaged. */
    const uint8_t *metadata = memmem(bytes, size, "MaxMind.com", 11);
    cr_assert_not_null(metadata);
    close(mkstemp(path));
    for (int round = 0; round < 3000; round++) {
        size_t cut = random_below(&state, 8) ? size : random_below(&state, size);
        memcpy(changed, bytes, size);
        for (uint64_t i = random_below(&state, 20); i > 0; i--)
            changed[random_below(&state, (uint64_t)(metadata - bytes))] =
                (uint8_t)random_next(&state);
        write_to(path, changed, cut);
        struct geo *geo;
        if (geo_open(&geo, GEO_COUNTRY, path, errmsg) != 0) {
            refused++;
            continue;
        }
        for (int i = 0; i < 20; i++) {
            uint8_t address[16] = {i % 2 ? 192 : 0x20, i % 2 ? 0 : 1, 2,
                                   (uint8_t)random_next(&state)};
            uint32_t key;
            char name[GEO_NAME_MAX];
            failed += geo_find(geo, i % 2 ? 4 : 6, address, &key, errmsg) != 0;
            failed += geo_organisation(geo, i % 2 ? 4 : 6, address, name, errmsg) != 0;
        }
        geo_close(geo);
    }
    unlink(path);
    cr_expect(refused > 100 && refused < 2900 && failed > 100, "%u, %u", refused, failed);
}

Test(geo, codes_are_two_capital_letters)
{
    char letters[3];
    cr_expect_eq(geo_country_key("jp", 2), 0);
    cr_expect_eq(geo_country_key("J", 1), 0);
    cr_expect_eq(geo_country_key("JPN", 3), 0);
    cr_expect_eq(geo_country_key("J\0", 2), 0);
    cr_expect_lt(geo_country_key("DE", 2), geo_country_key("JP", 2));
    geo_country_letters(geo_country_key("JP", 2), letters);
    cr_expect_str_eq(letters, "JP");
}
