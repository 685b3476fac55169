#include "kube_fixture.h"

#include "rampart/kube/cidr.h"

static struct cidr cidr_of(const char *text)
{
    struct cidr cidr;
    struct err err = {0};

    if (cidr_parse(text, &cidr, &err) < 0)
        fail_msg("%s", err.msg);
    return cidr;
}

static void test_cidr_parse_reads_both_families(void **state)
{
    static const struct {
        const char *text;
        bool is_ipv6;
        uint8_t prefix_len;
        uint8_t first;
        bool has_host_bits;
    } rows[] = {
        {"0.0.0.0/0", false, 0, 0, false},
        {"10.0.0.0/8", false, 8, 10, false},
        {"10.1.2.3/8", false, 8, 10, true},
        {"255.255.255.255/0", false, 0, 0, true},
        {"169.254.169.254/32", false, 32, 169, false},
        {"::/0", true, 0, 0, false},
        {"fd00:ec2::254/128", true, 128, 0xfd, false},
        {"2001:0DB8:0:0::/64", true, 64, 0x20, false},
        {"2001:db8::1/64", true, 64, 0x20, true},
        {"fe80::1/10", true, 10, 0xfe, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cidr cidr = cidr_of(rows[i].text);

        assert_int_equal(cidr.is_ipv6, rows[i].is_ipv6);
        assert_int_equal(cidr.prefix_len, rows[i].prefix_len);
        assert_int_equal(cidr.address[0], rows[i].first);
        assert_int_equal(cidr.has_host_bits, rows[i].has_host_bits);
    }
}

static void test_cidr_parse_refuses_nonsense_and_quotes_it(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"", "it has no prefix length"},
        {"10.0.0.0", "it has no prefix length"},
        {"/8", "the address cannot be read"},
        {"10.0.0/8", "the address cannot be read"},
        {"10.0.0.256/8", "the address cannot be read"},
        {"010.0.0.0/8", "the address cannot be read"},
        {" 10.0.0.0/8", "the address cannot be read"},
        {"0x0a.0.0.0/8", "the address cannot be read"},
        {"example.com/8", "the address cannot be read"},
        {"fe80::1%eth0/64", "the address cannot be read"},
        {"1::2::3/64", "the address cannot be read"},
        {"12345::/64", "the address cannot be read"},
        {"10.0.0.0/", "the prefix length must be 0..32"},
        {"10.0.0.0/33", "the prefix length must be 0..32"},
        {"10.0.0.0/08", "the prefix length must be 0..32"},
        {"10.0.0.0/+8", "the prefix length must be 0..32"},
        {"10.0.0.0/-1", "the prefix length must be 0..32"},
        {"10.0.0.0/8 ", "the prefix length must be 0..32"},
        {"10.0.0.0/8/8", "the prefix length must be 0..32"},
        {"10.0.0.0/255.0.0.0", "the prefix length must be 0..32"},
        {"10.0.0.0/4294967304", "the prefix length must be 0..32"},
        {"::/129", "the prefix length must be 0..128"},
        {"::ffff:10.0.0.0/104", "it is IPv4 written as IPv6"},
        {"::ffff:a00:0/104", "it is IPv4 written as IPv6"},
        {"0000000000000000000000000000000000000000000000000000000000000000::/8", "it is too long"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cidr cidr = {.prefix_len = 77};
        struct err err = {0};
        char msg[ERR_MSG_MAX];

        (void)snprintf(msg, sizeof(msg),
                       "\"%.63s\" is no CIDR: %s; write it like 10.0.0.0/8 or fd00::/8",
                       rows[i].text, rows[i].why);
        assert_int_equal(cidr_parse(rows[i].text, &cidr, &err), -1);
        assert_string_equal(err.msg, msg);
        assert_int_equal(err.code, ERR_INVALID);
        assert_int_equal(cidr.prefix_len, 77);
    }
}

static void test_cidr_contains_and_equal_go_by_the_block(void **state)
{
    static const struct {
        const char *outer;
        const char *inner;
        bool contains;
        bool is_equal;
    } rows[] = {
        {"0.0.0.0/0", "169.254.169.254/32", true, false},
        {"169.254.0.0/16", "169.254.169.254/32", true, false},
        {"169.254.169.254/32", "169.254.169.254/32", true, true},
        {"169.254.169.252/31", "169.254.169.254/32", false, false},
        {"169.254.169.254/32", "169.254.0.0/16", false, false},
        {"10.0.0.0/8", "10.1.2.3/8", true, true},
        {"10.0.0.0/9", "10.128.0.0/9", false, false},
        {"10.0.0.0/8", "10.128.0.0/9", true, false},
        {"10.0.0.0/15", "10.2.0.0/16", false, false},
        {"::/0", "fd00:ec2::254/128", true, false},
        {"fd00:ec2::254/128", "fd00:ec2:0:0::254/128", true, true},
        {"fc00::/7", "fd00:ec2::254/128", true, false},
        {"fd00:ec2::/127", "fd00:ec2::254/128", false, false},
        {"::/0", "10.0.0.0/8", false, false},
        {"0.0.0.0/0", "::/0", false, false},
        {"::/0", "0.0.0.0/0", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cidr outer = cidr_of(rows[i].outer);
        struct cidr inner = cidr_of(rows[i].inner);

        if (cidr_contains(&outer, &inner) != rows[i].contains ||
            cidr_equal(&outer, &inner) != rows[i].is_equal)
            fail_msg("%s and %s", rows[i].outer, rows[i].inner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cidr_parse_reads_both_families),
        cmocka_unit_test(test_cidr_parse_refuses_nonsense_and_quotes_it),
        cmocka_unit_test(test_cidr_contains_and_equal_go_by_the_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
