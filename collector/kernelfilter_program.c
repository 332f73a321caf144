#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/kernelfilter_private.h"
#include "common/err.h"

/*
 * BPF jumps forward only, and at most 255 instructions by a comparison. The program is therefore
 * written from its end to its beginning: whatever an instruction jumps to is there already, and
 * where that is too far away, a plain jump to it (of any distance) is put in between.
 *
 * X is the size of the tags between link and IP header; A is what is compared.
 */

/* Opcodes: linux/bpf_common.h. */
enum opcode {
    LOAD_WORD_AT = 0x20,   /* A = 32 bits at k */
    LOAD_HALF_AT = 0x28,   /* A = 16 bits at k */
    LOAD_BYTE_AT = 0x30,   /* A = 8 bits at k */
    LOAD_WORD_BY_X = 0x40, /* A = 32 bits at X + k */
    LOAD_HALF_BY_X = 0x48, /* A = 16 bits at X + k */
    SET_X = 0x01,          /* X = k */
    AND = 0x54,            /* A &= k */
    JUMP = 0x05,           /* by k */
    JUMP_EQUAL = 0x15,     /* A == k: by jt, otherwise by jf */
    JUMP_AT_LEAST = 0x35,  /* A >= k: by jt, otherwise by jf */
    RETURN = 0x06,         /* k bytes of the packet; 0: rejected */
};

/* How far a comparison is let jump, leaving room for two jumps to be put in between. */
#define REACH 253
/* Single values that are compared one by one rather than by halves: half as many instructions. */
#define CHAIN_MAX 8
#define TAGS_MAX  2

/* Of the links for which a program can be made (DLT_ values of pcap-linktype(7)). */
struct link {
    int linktype;
    uint32_t type_at, size; /* of the EtherType, and of the header */
    bool raw;               /* no EtherType: the first byte tells the version */
};

static const struct link links[] = {
    {1, 12, 14, false},   /* Ethernet */
    {12, 0, 0, true},     /* raw IP */
    {113, 14, 16, false}, /* Linux cooked, v1 */
    {276, 0, 20, false},  /* v2 */
};

/* What there is to be done with a frame, by what follows its link header or a tag. */
enum entry { ACCEPT, REJECT, IPV4, IPV6, ARP, TAG, ENTRIES };

/* EtherTypes, ascending; all others are rejected. */
static const struct {
    uint16_t type;
    enum entry entry;
} types[] = {
    {0x0800, IPV4},   /* RFC 894 */
    {0x0806, ARP},    /* RFC 826 */
    {0x8100, TAG},    /* IEEE 802.1Q */
    {0x86dd, IPV6},   /* RFC 2464 */
    {0x8847, ACCEPT}, /* MPLS */
    {0x8848, ACCEPT}, /* MPLS, label assigned upstream */
    {0x8864, ACCEPT}, /* PPPoE session */
    {0x88a8, TAG},    /* IEEE 802.1ad */
    {0x9100, TAG},    /* its forerunner */
};
#define TYPES    (sizeof types / sizeof types[0])
#define TYPE_MIN 0x0600 /* below is a length: IEEE 802.3 */

/* Where in the program something begins: an index of program.insns. */
typedef uint32_t label;

struct program {
    struct kernelfilter_insn insns[KERNELFILTER_MAX]; /* [at, KERNELFILTER_MAX) are written */
    label near[KERNELFILTER_MAX + 1]; /* of each label, the nearest place that leads there */
    label at;
    label floor; /* `at` may not go below */
    bool full;   /* it wanted to: the program is of no use */
    const struct link *link;
    label entries[ENTRIES];
};

/* From `first` to the next segment's, values of A lead to `target`. */
struct segment {
    uint32_t first;
    label target;
};

struct segments {
    struct segment *list;
    size_t count;
};

/* --- instructions ----------------------------------------------------------------------------- */

static label put(struct program *program, uint16_t code, uint32_t k)
{
    if (program->at == program->floor) {
        program->full = true;
        return program->at;
    }
    program->at--;
    program->insns[program->at] = (struct kernelfilter_insn){.code = code, .k = k};
    program->near[program->at] = program->at;
    return program->at;
}

static label put_jump(struct program *program, label target)
{
    return put(program, JUMP, (uint32_t)(target - program->at));
}

/* A place within reach that leads to `target`. */
static label near(struct program *program, label target)
{
    if (program->near[target] - program->at > REACH)
        program->near[target] = put_jump(program, target);
    return program->near[target];
}

static label put_test(struct program *program, enum opcode code, uint32_t k, label yes, label no)
{
    yes = near(program, yes);
    no = near(program, no);
    label at = put(program, (uint16_t)code, k);
    if (!program->full) {
        program->insns[at].jt = (uint8_t)(yes - at - 1);
        program->insns[at].jf = (uint8_t)(no - at - 1);
    }
    return at;
}

/* An instruction that does not jump, before `next`. */
static label put_before(struct program *program, label next, enum opcode code, uint32_t k)
{
    if (next != program->at)
        put_jump(program, next);
    return put(program, (uint16_t)code, k);
}

/* --- decisions over A ------------------------------------------------------------------------- */

static bool is_single(const struct segment *segment, size_t count)
{
    return count > 2 && segment[1].first + 1 == segment[2].first &&
           segment[0].target == segment[2].target;
}

/* Decides between `count` segments, the first of which takes all that is less, too. */
static label put_decision(struct program *program, const struct segment *segment, size_t count)
{
    if (count == 1 || program->full)
        return segment->target;
    if (count <= 2 * CHAIN_MAX + 1 && is_single(segment, count)) {
        label others = put_decision(program, segment + 2, count - 2);
        return put_test(program, JUMP_EQUAL, segment[1].first, segment[1].target, others);
    }
    /* By even numbers, so that both halves begin outside of what is looked for. */
    size_t half = count > 3 ? count / 4 * 2 : count / 2;
    label above = put_decision(program, segment + half, count - half);
    label below = put_decision(program, segment, half);
    return put_test(program, JUMP_AT_LEAST, segment[half].first, above, below);
}

/* From `first` on, A leads to `target`; ascending, the last word counts. */
static void add_segment(struct segments *segments, uint32_t first, label target)
{
    if (segments->count && segments->list[segments->count - 1].first == first)
        segments->count--;
    if (segments->count && segments->list[segments->count - 1].target == target)
        return;
    segments->list[segments->count++] = (struct segment){first, target};
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Ranges that are to be told from one another by a word of the address, among the addresses that
 * have everything above that word in common. */
struct block {
    const struct range *ranges; /* the first may begin before the block, the last end behind it, */
    size_t count;               /* and others be behind it altogether */
    address first;              /* of the block */
    int word;                   /* 0 to 3; IPv4 is decided by word 0 */
    uint32_t offset;            /* the address is at X + offset */
    label miss;                 /* where addresses outside of the ranges lead */
};

/* All bits behind a word; word -1: all. */
static address bits_behind(int word)
{
    return word < 0 ? ~(address)0 : ((address)1 << (96 - 32 * word)) - 1;
}

static uint32_t word_of(address value, int word)
{
    return (uint32_t)(value >> (96 - 32 * word));
}

static label put_block(struct program *program, const struct block *block, struct segment *room);

/* Addresses that share the word's value in `from` are decided by the next word. */
static label put_inner(struct program *program, const struct block *block, size_t i, address from,
                       struct segment *room)
{
    struct block inner = *block;
    inner.ranges += i;
    inner.count -= i;
    inner.first = from & ~bits_behind(block->word);
    inner.word++;
    label decision = put_block(program, &inner, room);
    return put_before(program, decision, LOAD_WORD_BY_X, inner.offset + 4 * (uint32_t)inner.word);
}

/* Decides over A, which is the block's word of the address, and the words behind it. A value of the
 * word is in the ranges as a whole, or not at all, or has an inner block. */
static label put_block(struct program *program, const struct block *block, struct segment *room)
{
    struct segments segments = {.list = room};
    address rest = bits_behind(block->word);
    address from = block->first, end = from | bits_behind(block->word - 1), until = 0;
    add_segment(&segments, 0, block->miss);
    for (size_t i = 0; i < block->count && block->ranges[i].first <= end; from = until + 1) {
        struct range range = block->ranges[i];
        label target = program->entries[ACCEPT];
        if (range.first > from)
            from = range.first;
        until = range.last < end ? range.last : end;
        if ((from & rest) == 0 && until >= (from | rest)) {
            until = ((until + 1) & ~rest) - 1; /* wraps for the highest address, as it must */
        } else {
            until = from | rest;
            target = put_inner(program, block, i, from, room + segments.count);
        }
        add_segment(&segments, word_of(from, block->word), target);
        if (until == end)
            break;
        add_segment(&segments, word_of(until, block->word) + 1, block->miss);
        while (i < block->count && block->ranges[i].last <= until)
            i++;
    }
    return put_decision(program, segments.list, segments.count);
}

/* --- the program ------------------------------------------------------------------------------ */

/* Decides over A, the first word of the address at X + `offset`; needs `room` as put_block. */
static label put_ranges(struct program *program, const struct rangelist *ranges,
                        struct segment *room, uint32_t offset, label miss)
{
    struct block block = {
        .ranges = ranges->list, .count = ranges->count, .offset = offset, .miss = miss};
    return put_block(program, &block, room);
}

/* The sender's protocol address stands behind an Ethernet address: RFC 826. */
static label put_arp(struct program *program, label decide_source)
{
    uint32_t header = program->link->size;
    label sender = put_before(program, decide_source, LOAD_WORD_BY_X, header + 14);
    label sizes = put_test(program, JUMP_EQUAL, 0x0604, sender, program->entries[REJECT]);
    return put_before(program, sizes, LOAD_HALF_BY_X, header + 4);
}

/* Source and destination: RFC 791 section 3.1. */
static void put_ipv4(struct program *program, const struct admitted *admitted, struct segment *room)
{
    uint32_t source = program->link->size + 12, destination = program->link->size + 16;
    label from =
        put_ranges(program, &admitted->lists[FROM4], room, source, program->entries[REJECT]);
    label miss = put_before(program, from, LOAD_WORD_BY_X, source);
    label to = put_ranges(program, &admitted->lists[TO4], room, destination, miss);
    program->entries[IPV4] = put_before(program, to, LOAD_WORD_BY_X, destination);
    program->entries[ARP] = put_arp(program, from);
}

/* RFC 8200 section 3. */
static void put_ipv6(struct program *program, const struct admitted *admitted, struct segment *room)
{
    uint32_t source = program->link->size + 8, destination = program->link->size + 24;
    label from =
        put_ranges(program, &admitted->lists[FROM6], room, source, program->entries[REJECT]);
    label miss = put_before(program, from, LOAD_WORD_BY_X, source);
    label to = put_ranges(program, &admitted->lists[TO6], room, destination, miss);
    program->entries[IPV6] = put_before(program, to, LOAD_WORD_BY_X, destination);
}

/* What follows the link header and `tags` tags. */
static void put_typed(struct program *program, uint32_t tags)
{
    const struct link *link = program->link;
    struct segment room[2 + 2 * TYPES];
    struct segments segments = {.list = room};
    add_segment(&segments, 0, program->entries[ACCEPT]); /* lengths; Linux cooked: kinds of LLC */
    add_segment(&segments, TYPE_MIN, program->entries[REJECT]);
    for (size_t i = 0; i < TYPES; i++) {
        add_segment(&segments, types[i].type, program->entries[types[i].entry]);
        add_segment(&segments, types[i].type + 1u, program->entries[REJECT]);
    }
    label decide = put_decision(program, segments.list, segments.count);
    label load =
        put_before(program, decide, LOAD_HALF_AT, tags ? link->size + 4 * tags - 2 : link->type_at);
    program->entries[TAG] = put_before(program, load, SET_X, 4 * tags);
}

/* The version is in the upper half of the first byte. */
static void put_raw(struct program *program)
{
    struct segment room[5];
    struct segments segments = {.list = room};
    add_segment(&segments, 0, program->entries[REJECT]);
    add_segment(&segments, 0x40, program->entries[IPV4]);
    add_segment(&segments, 0x50, program->entries[REJECT]);
    add_segment(&segments, 0x60, program->entries[IPV6]);
    add_segment(&segments, 0x70, program->entries[REJECT]);
    label decide = put_decision(program, segments.list, segments.count);
    label load = put_before(program, decide, LOAD_BYTE_AT, 0);
    put_before(program, load, SET_X, 0);
}

/* Writes the whole program, the last instruction first. */
static void put_program(struct program *program, const struct admitted *admitted,
                        const struct kernelfilter_options *options, struct segment *room)
{
    program->at = KERNELFILTER_MAX;
    program->floor = KERNELFILTER_MAX - (label)options->max;
    program->full = false;
    program->entries[REJECT] = put(program, RETURN, 0);
    program->entries[ACCEPT] = put(program, RETURN, options->snaplen);
    for (int entry = IPV4; entry < ENTRIES; entry++)
        program->entries[entry] = program->entries[REJECT];
    if (admitted->lists[TO6].count)
        put_ipv6(program, admitted, room);
    if (admitted->lists[TO4].count)
        put_ipv4(program, admitted, room);
    if (program->link->raw) {
        put_raw(program);
        return;
    }
    program->entries[TAG] = program->entries[ACCEPT]; /* behind the last tag that is looked at */
    for (int tags = TAGS_MAX; tags >= 0; tags--)
        put_typed(program, (uint32_t)tags);
}

static const struct link *find_link(int linktype)
{
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (links[i].linktype == linktype)
            return &links[i];
    return NULL;
}

/* Per word of an address: one segment, and at most six per range. */
static struct segment *new_room(const struct admitted *admitted)
{
    size_t most = admitted_most(admitted);
    return malloc(4 * (6 * most + 1) * sizeof(struct segment));
}

int kernelfilter_write(struct kernelfilter *filter, const struct admitted *admitted,
                       const struct kernelfilter_options *options)
{
    const struct link *link = find_link(options->linktype);
    if (!link)
        return ERR_UNKNOWN;
    struct program *program = calloc(1, sizeof *program);
    struct segment *room = new_room(admitted);
    int rc = program && room ? 0 : ERR_NOMEM;
    if (rc == 0) {
        program->link = link;
        put_program(program, admitted, options, room);
        filter->count = KERNELFILTER_MAX - program->at;
        memcpy(filter->insns, program->insns + program->at, filter->count * sizeof *filter->insns);
        rc = program->full ? ERR_FULL : 0;
    }
    free(room);
    free(program);
    return rc;
}
