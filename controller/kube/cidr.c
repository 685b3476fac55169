#include "rampart/kube/cidr.h"

#include <arpa/inet.h>
#include <string.h>

static int refuse(const char *text, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "\"%.*s\" is no CIDR: %s; write it like 10.0.0.0/8 or fd00::/8", CIDR_TEXT_MAX,
                   text, why);
}

static int prefix_parse(const char *text, unsigned max, uint8_t *ret_len)
{
    unsigned len = 0;
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 3 || text[digits] != '\0' || (text[0] == '0' && digits > 1))
        return -1;
    for (size_t i = 0; i < digits; i++)
        len = len * 10 + (unsigned)(text[i] - '0');
    if (len > max)
        return -1;
    *ret_len = (uint8_t)len;
    return 0;
}

static bool is_mapped_ipv4(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

/* The bits of byte @i that belong to a prefix of @prefix_len. */
static uint8_t mask_of(unsigned prefix_len, unsigned i)
{
    if (prefix_len >= 8 * (i + 1))
        return 0xff;
    if (prefix_len <= 8 * i)
        return 0;
    return (uint8_t)(0xff00u >> (prefix_len - 8 * i));
}

int cidr_parse(const char *text, struct cidr *ret_cidr, struct err *err)
{
    struct cidr cidr = {0};
    char address[CIDR_TEXT_MAX + 1];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : 0;

    if (!slash)
        return refuse(text, "it has no prefix length", err);
    if (len >= sizeof(address))
        return refuse(text, "it is too long", err);
    memcpy(address, text, len);
    address[len] = '\0';
    cidr.is_ipv6 = strchr(address, ':') != NULL;
    if (inet_pton(cidr.is_ipv6 ? AF_INET6 : AF_INET, address, cidr.address) != 1)
        return refuse(text, "the address cannot be read", err);
    if (prefix_parse(slash + 1, cidr.is_ipv6 ? 128 : 32, &cidr.prefix_len) < 0)
        return refuse(text,
                      cidr.is_ipv6 ? "the prefix length must be 0..128"
                                   : "the prefix length must be 0..32",
                      err);
    if (cidr.is_ipv6 && is_mapped_ipv4(cidr.address))
        return refuse(text, "it is IPv4 written as IPv6", err);
    for (unsigned i = 0; i < sizeof(cidr.address); i++) {
        uint8_t mask = mask_of(cidr.prefix_len, i);

        cidr.has_host_bits = cidr.has_host_bits || (cidr.address[i] & ~mask) != 0;
        cidr.address[i] &= mask;
    }
    *ret_cidr = cidr;
    return 0;
}

bool cidr_equal(const struct cidr *one, const struct cidr *other)
{
    return one->is_ipv6 == other->is_ipv6 && one->prefix_len == other->prefix_len &&
           memcmp(one->address, other->address, sizeof(one->address)) == 0;
}

bool cidr_contains(const struct cidr *outer, const struct cidr *inner)
{
    if (outer->is_ipv6 != inner->is_ipv6 || outer->prefix_len > inner->prefix_len)
        return false;
    for (unsigned i = 0; i < sizeof(outer->address); i++) {
        if ((inner->address[i] & mask_of(outer->prefix_len, i)) != outer->address[i])
            return false;
    }
    return true;
}
