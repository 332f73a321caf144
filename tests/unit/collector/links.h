/*
 * Every link type that decode() knows, and frames of each with what it may hold in front of IP: for
 * the tests of decoding, and as seeds of its fuzz targets.
 */
#ifndef TESTS_UNIT_COLLECTOR_LINKS_H
#define TESTS_UNIT_COLLECTOR_LINKS_H

#include "tests/unit/collector/crafted.h"

/* Fuzz inputs name a link type by its place here: new ones come last. */
static const int link_types[] = {0,   1,   9,   11,  12,  14,  50,  51,  101, 104,
                                 107, 108, 109, 113, 117, 166, 197, 204, 219, 228,
                                 229, 239, 242, 276, 281, 282, 284, 285};

#define LINK_TYPES (sizeof link_types / sizeof link_types[0])

#define ZEROS_36 "000000000000000000000000000000000000000000000000000000000000000000000000"
#define ZEROS_40 "00000000" ZEROS_36
#define ZEROS_60 "000000000000000000000000000000000000000000000000" ZEROS_36
#define ERF_TIME "0000000000000000"

struct link_case {
    int linktype;
    char prefix[220];
    int family;
};

static const struct link_case link_cases[] = {
    {1, "ffffffffffff 020000000001 0800", 4},
    {1, "ffffffffffff 020000000001 86dd", 6},
    {1, "ffffffffffff 020000000001 8100 0064 0800", 4},
    {1, "ffffffffffff 020000000001 88a8 0001 8100 0064 86dd", 6},
    {1, "ffffffffffff 020000000001 9100 0001 9100 0002 8100 0064 0800", 4},
    {1, "ffffffffffff 020000000001 8847 000641ff 0800", 0}, /* two bytes that do not belong */
    {1, "ffffffffffff 020000000001 8847 000641ff", 4},
    {1, "ffffffffffff 020000000001 8848 000640ff 000651ff", 6},
    {1, "ffffffffffff 020000000001 8100 0064 8847 000641ff", 4},
    {1, "ffffffffffff 020000000001 8864 1100 0001 0020 0021", 4},
    {1, "ffffffffffff 020000000001 8864 1100 0001 0020 0057", 6},
    {1, "ffffffffffff 020000000001 0030 aaaa03 000000 0800", 4},
    {12, "", 4},
    {12, "", 6},
    {14, "", 4},
    {101, "", 6},
    {228, "", 4},
    {229, "", 6},
    {0, "02000000", 4},
    {0, "00000002", 4},
    {0, "0a000000", 6},
    {0, "18000000", 6},
    {0, "1c000000", 6},
    {0, "1e000000", 6},
    {108, "00000002", 4},
    {108, "0000001e", 6},
    {113, "0000 0001 0006 020000000001 0000 0800", 4},
    {113, "0000 0001 0006 020000000001 0000 8100 0064 86dd", 6},
    {276, "0800 0000 00000002 0001 00 06 020000000001 0000", 4},
    {276, "86dd 0000 00000002 0001 00 06 020000000001 0000", 6},
    {9, "ff03 0021", 4},
    {9, "0057", 6},
    {9, "21", 4},
    {9, "ff03 0281 000641ff", 4},
    {50, "ff03 0021", 4},
    {51, "1100 0001 0020 0021", 4},
    {104, "0f00 0800", 4},
    {166, "0003 0021", 4},
    {166, "0103 0057", 6},
    {204, "00 ff03 0021", 4},
    {204, "01 0057", 6},
    {11, "aaaa03 000000 0800", 4},
    {11, "aaaa03 0080c2 0007 0000 ffffffffffff 020000000001 0800", 4},
    {11, "aaaa03 0080c2 0001 0000 ffffffffffff 020000000001 86dd", 6},
    {11, "fefe03 cc 0000 0000", 0}, /* four bytes that do not belong */
    {11, "fefe03 cc", 4},
    {11, "fefe03 8e", 6},
    {107, "1841 03 cc", 4},
    {107, "1841 03 8e", 6},
    {107, "18400041 03 cc", 4},
    {107, "1841 03 00 80 000000 0800", 4},
    {107, "1841 03 80 000000 86dd", 6},
    {107, "1841 0800", 4}, /* Cisco */
    {109, "02000000 00000000 00000000", 4},
    {109, "18000000 00001000 00000000", 6},
    {117, "3d02 01 00" ZEROS_60, 4},
    {117, "4018 01 00" ZEROS_60, 6},
    {117, "641c 01 00" ZEROS_60 ZEROS_36, 6},
    {219, "000640ff 000651ff", 4},
    {239, "0200 0000 0800 0100 0800 0100 2c00 0900", 4},
    {239, "0a00 0000 0500 0a00 41000000 4000 0900", 6},  /* a part of 5 bytes, padded */
    {239, "0500 0000 0800 0100 86dd 0100 4000 0900", 6}, /* of the family netdev */
    {242, ZEROS_40 "0800 0000", 4},
    {281, "ffffffffffff 020000000001 00000002 0800", 4},
    {282, "00000002 ffffffffffff 020000000001 0800", 4},
    {284, "ffffffffffff 020000000001 c0100000 8100 0064 0800", 4},
    {285, "ffffffffffff 020000000001 dada 0000 c0100000 86dd", 6},
    {197, ERF_TIME "02 04 0060 0000 003a 0000 ffffffffffff 020000000001 0800", 4},
    {197, ERF_TIME "0b 04 0060 0000 003a 0000 ffffffffffff 020000000001 86dd", 6},
    {197,
     ERF_TIME "82 04 0060 0000 003a 8400000000000000 0400000000000000"
              "0000 ffffffffffff 020000000001 0800",
     4},
    {197, ERF_TIME "16 04 0060 0000 003a", 4},
    {197, ERF_TIME "17 04 0060 0000 003a", 6},
    {197, ERF_TIME "01 04 0060 0000 003a ff03 0021", 4},
    {197, ERF_TIME "01 04 0060 0000 003a 0f00 0800", 4},
    {239, "0200 0000 0008 0001 0800 0100 002c 0009", 4}, /* of a big-endian machine */
};

#define LINK_CASES (sizeof link_cases / sizeof link_cases[0])

/* A TCP SYN of the case's family behind its link layer. */
static inline void make_link(struct crafted *frame, const struct link_case *link)
{
    frame->size = 0;
    put_hex(frame, link->prefix);
    if (link->family == 6)
        put_ipv6(frame, PROTOCOL_TCP, 20);
    else
        put_ipv4(frame, PROTOCOL_TCP, 40, 0);
    put_tcp(frame, 2);
}

#endif
