/* Blocks of addresses, IPv4 and IPv6. Pure. */
#ifndef RAMPART_KUBE_CIDR_H
#define RAMPART_KUBE_CIDR_H

#include <stdbool.h>
#include <stdint.h>

#include "rampart/base/err.h"

#define CIDR_TEXT_MAX 63 /* bytes of a CIDR as text */

struct cidr {
    bool is_ipv6;
    bool has_host_bits;  /* the text had bits set beyond the prefix length; @address has not */
    uint8_t prefix_len;  /* 0..32 or 0..128 */
    uint8_t address[16]; /* network order, host bits cleared; IPv4 takes the first four */
};

/*
 * "10.0.0.0/8", "fd00:ec2::254/128". Refused with ERR_INVALID, with a message that quotes the text:
 * no prefix length, leading zeros, signs, zones, and IPv4 written as IPv6 (::ffff:1.2.3.4/96). Host
 * bits are read and reported: API servers since 1.36 refuse them in new objects, older objects have
 * them.
 */
int cidr_parse(const char *text, struct cidr *ret_cidr, struct err *err);

bool cidr_equal(const struct cidr *one, const struct cidr *other);
/* Whether every address of @inner is in @outer; equal blocks contain each other. False across
 * families. */
bool cidr_contains(const struct cidr *outer, const struct cidr *inner);

#endif
