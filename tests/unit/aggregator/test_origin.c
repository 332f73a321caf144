#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "aggregator/origin.h"

static struct origin of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct origin origin;
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        origin_set(&origin, (struct sockaddr *)&v4);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        origin_set(&origin, (struct sockaddr *)&v6);
    else
        origin_set(&origin, &(struct sockaddr){.sa_family = AF_UNIX});
    return origin;
}

static bool same(const char *a, const char *b)
{
    struct origin one = of(a), other = of(b);
    return origin_same(&one, &other);
}

Test(origin, an_address_is_itself_and_of_ipv6_its_network)
{
    cr_expect(same("192.0.2.1", "192.0.2.1"));
    cr_expect_not(same("192.0.2.1", "192.0.2.2"));
    cr_expect(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
    cr_expect_not(same("2001:db8:0:1::1", "2001:db8:0:2::1"));
    cr_expect(same("192.0.2.1", "::ffff:192.0.2.1"));
    cr_expect_not(same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    cr_expect_not(same("unix", "unix"));
}

Test(origin, is_shown_as_it_came)
{
    cr_expect_str_eq(of("2001:db8::1").text, "2001:db8::1");
    cr_expect_str_eq(of("::ffff:192.0.2.1").text, "192.0.2.1");
    cr_expect_str_eq(of("unix").text, "");
}
