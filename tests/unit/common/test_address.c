#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <string.h>

#include "common/address.h"
#include "common/err.h"

Test(address, forms)
{
    static const struct {
        const char *text;
        enum address_kind kind;
        const char *host;
        uint16_t port;
        bool literal;
    } cases[] = {
        {"192.0.2.1:4739", ADDRESS_TLS, "192.0.2.1", 4739, true},
        {"[2001:db8::1]:1", ADDRESS_TLS, "2001:db8::1", 1, true},
        {"[::]:65535", ADDRESS_TLS, "::", 65535, true},
        {"localhost:80", ADDRESS_TLS, "127.0.0.1", 80, true},
        {"aggregator.example.org:4739", ADDRESS_TLS, "aggregator.example.org", 4739, false},
        {"a-1:4739", ADDRESS_TLS, "a-1", 4739, false},
        {"example.org.:4739", ADDRESS_TLS, "example.org.", 4739, false},
        {"plain://127.0.0.1:4739", ADDRESS_PLAIN, "127.0.0.1", 4739, true},
        {"plain://[::1]:4739", ADDRESS_PLAIN, "::1", 4739, true},
        {"unix:///run/a.sock", ADDRESS_UNIX, "", 0, false},
    };
    char errmsg[ERRMSG_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address address;
        cr_assert_eq(address_parse(&address, cases[i].text, errmsg), 0, "%s", errmsg);
        cr_assert_eq(address.kind, cases[i].kind, "%s", cases[i].text);
        cr_assert_str_eq(address.host, cases[i].host);
        cr_assert_eq(address.port, cases[i].port);
        cr_assert_eq(address.literal, cases[i].literal, "%s", cases[i].text);
        cr_assert_str_eq(address.shown, cases[i].text);
    }
}

Test(address, sockets_are_ready_to_connect_to)
{
    struct address address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.socket;
    cr_assert_eq(address_parse(&address, "192.0.2.1:258", NULL), 0);
    cr_assert_eq(v4->sin_family, AF_INET);
    cr_assert_eq(ntohl(v4->sin_addr.s_addr), 0xc0000201);
    cr_assert_eq(ntohs(v4->sin_port), 258);
    cr_assert_eq(address_parse(&address, "[::1]:258", NULL), 0);
    cr_assert_eq(v6->sin6_family, AF_INET6);
    cr_assert_eq(v6->sin6_addr.s6_addr[15], 1);
    cr_assert_eq(ntohs(v6->sin6_port), 258);
    cr_assert_eq(address_parse(&address, "unix:///run/a.sock", NULL), 0);
    cr_assert_str_eq(address.path, "/run/a.sock");
}

Test(address, refuses_what_it_is_not)
{
    static const struct {
        const char *text;
        int rc;
        const char *words;
    } cases[] = {
        {"", ERR_INVALID, "HOST:PORT"},
        {"4739", ERR_INVALID, "HOST:PORT"},
        {":4739", ERR_INVALID, "HOST:PORT"},
        {"host:", ERR_INVALID, "HOST:PORT"},
        {"host:0", ERR_INVALID, "HOST:PORT"},
        {"host:65536", ERR_INVALID, "HOST:PORT"},
        {"host:80x", ERR_INVALID, "HOST:PORT"},
        {"host: 80", ERR_INVALID, "HOST:PORT"},
        {"host:-80", ERR_INVALID, "HOST:PORT"},
        {"2001:db8::1:80", ERR_INVALID, "HOST:PORT"},
        {"[192.0.2.1]:80", ERR_INVALID, "HOST:PORT"},
        {"[]:80", ERR_INVALID, "HOST:PORT"},
        {"192.0.2:80", ERR_INVALID, "HOST:PORT"},
        {"192.0.2.256:80", ERR_INVALID, "HOST:PORT"},
        {"-a:80", ERR_INVALID, "HOST:PORT"},
        {"a..b:80", ERR_INVALID, "HOST:PORT"},
        {"a b:80", ERR_INVALID, "HOST:PORT"},
        {"http://host:80", ERR_INVALID, "HOST:PORT"},
        {"unix://run/a.sock", ERR_INVALID, "unix:///path"},
        {"plain://192.0.2.1:80", ERR_REFUSED, "in the clear"},
        {"plain://host:80", ERR_REFUSED, "in the clear"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address address;
        char errmsg[ERRMSG_SIZE] = "";
        cr_assert_eq(address_parse(&address, cases[i].text, errmsg), cases[i].rc, "%s",
                     cases[i].text);
        cr_assert(strstr(errmsg, cases[i].words), "%s: %s", cases[i].text, errmsg);
    }
}

Test(address, lengths_are_bounded)
{
    struct address address;
    char text[1024], errmsg[ERRMSG_SIZE];
    memset(text, 'a', sizeof text);
    strcpy(text + 1000, ":80");
    cr_assert_eq(address_parse(&address, text, errmsg), ERR_INVALID);
    memcpy(text, "unix:///", 8);
    cr_assert_eq(address_parse(&address, text, errmsg), ERR_INVALID);
    text[7 + sizeof address.path - 1] = '\0';
    cr_assert_eq(address_parse(&address, text, errmsg), 0);
    text[7 + sizeof address.path - 1] = 'a';
    text[7 + sizeof address.path] = '\0';
    cr_assert_eq(address_parse(&address, text, errmsg), ERR_INVALID);
}
