#include "dashboards/verify_compare.h"

#include <string.h>

struct comparing {
    verify_complain_fn *complain;
    void *user;
};

static void equal(const struct comparing *with, const char *what, uint64_t stored,
                  uint64_t recomputed)
{
    if (stored != recomputed)
        with->complain(with->user, what, stored, recomputed);
}

static void compare_totals(const struct comparing *with, const struct totals *a,
                           const struct totals *b)
{
    equal(with, "packets", a->packets, b->packets);
    equal(with, "bytes", a->bytes, b->bytes);
    equal(with, "active addresses", a->active, b->active);
    equal(with, "records", a->records, b->records);
    equal(with, "nanoseconds observed", a->observed_ns, b->observed_ns);
    equal(with, "kernel_dropped", a->kernel_dropped, b->kernel_dropped);
    equal(with, "interface_dropped", a->interface_dropped, b->interface_dropped);
    equal(with, "off_darknet", a->off_darknet, b->off_darknet);
    equal(with, "not_ip", a->not_ip, b->not_ip);
    equal(with, "undecodable", a->undecodable, b->undecodable);
    equal(with, "late", a->late, b->late);
    equal(with, "refused", a->refused, b->refused);
}

/* Addresses of one family that have different counts in the two, or are in one of them alone. */
static size_t differing4(const struct addrvec *a, const struct addrvec *b)
{
    size_t i = 0, j = 0, differ = 0;
    while (i < a->count4 || j < b->count4) {
        bool in_a = i < a->count4 && (j == b->count4 || a->address4[i] <= b->address4[j]);
        bool in_b = j < b->count4 && (i == a->count4 || b->address4[j] <= a->address4[i]);
        differ += !in_a || !in_b || a->packets4[i] != b->packets4[j];
        i += in_a;
        j += in_b;
    }
    return differ;
}

static size_t differing6(const struct addrvec *a, const struct addrvec *b)
{
    size_t i = 0, j = 0, differ = 0;
    while (i < a->count6 || j < b->count6) {
        int order = i == a->count6   ? 1
                    : j == b->count6 ? -1
                                     : memcmp(a->address6[i], b->address6[j], 16);
        differ += order != 0 || a->packets6[i] != b->packets6[j];
        i += order <= 0;
        j += order >= 0;
    }
    return differ;
}

static size_t differing_rows(const struct table *a, const struct table *b)
{
    size_t i = 0, j = 0, differ = 0;
    while (i < a->count || j < b->count) {
        bool in_a = i < a->count && (j == b->count || a->keys[i] <= b->keys[j]);
        bool in_b = j < b->count && (i == a->count || b->keys[j] <= a->keys[i]);
        differ += !in_a || !in_b || memcmp(&a->sums[i], &b->sums[j], sizeof *a->sums) != 0 ||
                  a->witnesses[i] != b->witnesses[j];
        i += in_a;
        j += in_b;
    }
    return differ;
}

static void compare_tables(const struct comparing *with, const struct tables *a,
                           const struct tables *b)
{
    size_t classes = 0;
    for (int class = 0; class < PACKET_CLASSES; class ++)
        classes += memcmp(&a->classes[class], &b->classes[class], sizeof *a->classes) != 0 ||
                   a->class_witnesses[class] != b->class_witnesses[class];
    equal(with, "classes that differ", classes, 0);
    equal(with, "protocols that differ", differing_rows(&a->protocols, &b->protocols), 0);
    equal(with, "TCP ports that differ", differing_rows(&a->tcp_ports, &b->tcp_ports), 0);
    equal(with, "UDP ports that differ", differing_rows(&a->udp_ports, &b->udp_ports), 0);
    equal(with, "ICMP types that differ", differing_rows(&a->icmp4, &b->icmp4), 0);
    equal(with, "ICMPv6 types that differ", differing_rows(&a->icmp6, &b->icmp6), 0);
}

static size_t differing_registers(const struct hll *a, const struct hll *b)
{
    size_t differ = 0;
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        differ += a->registers[i] != b->registers[i];
    return differ;
}

void verify_compare(const struct store_counts *stored, const struct store_counts *sum,
                    verify_complain_fn *complain, void *user)
{
    const struct comparing with = {complain, user};
    size_t addresses = differing4(&stored->addresses, &sum->addresses) +
                       differing6(&stored->addresses, &sum->addresses);
    compare_totals(&with, &stored->totals, &sum->totals);
    equal(&with, "addresses that differ", addresses, 0);
    compare_tables(&with, &stored->tables, &sum->tables);
    equal(&with, "registers of unique hosts that differ",
          differing_registers(&stored->hosts, &sum->hosts), 0);
}

void verify_compare_course(const struct totals *stored, const struct totals *course,
                           verify_complain_fn *complain, void *user)
{
    const struct comparing with = {complain, user};
    equal(&with, "packets, against its minutes", stored->packets, course->packets);
    equal(&with, "bytes, against its minutes", stored->bytes, course->bytes);
    equal(&with, "nanoseconds observed, against its minutes", stored->observed_ns,
          course->observed_ns);
    equal(&with, "drops, against its minutes", stored->kernel_dropped + stored->interface_dropped,
          course->kernel_dropped);
}
