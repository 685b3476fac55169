/* What a NetworkPolicy isolates, and whether it lets pods through to the clouds' metadata API. */
#include "kube_fixture.h"

#include "rampart/kube/decode.h"

struct row {
    const char *spec;
    bool isolates_ingress, isolates_egress, reaches_metadata;
};

static void check_rows(struct arena *a, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[2048];
        const struct netpol_facts *np;
        json_t *root;

        (void)snprintf(text, sizeof(text),
                       "{'metadata':{'name':'p','namespace':'shop','uid':'u','resourceVersion':'1'}"
                       ",'spec':%s}",
                       rows[i].spec);
        root = json_of(text);
        np = OBJECT_AS(netpol_facts, decode_ok(KIND_NETWORK_POLICY, root, a));
        json_decref(root);
        if (np->isolates_ingress != rows[i].isolates_ingress ||
            np->isolates_egress != rows[i].isolates_egress ||
            np->reaches_metadata != rows[i].reaches_metadata)
            fail_msg("%s: %d %d %d", rows[i].spec, np->isolates_ingress, np->isolates_egress,
                     np->reaches_metadata);
    }
}

static void test_policy_isolates_in_the_directions_of_its_types(void **state)
{
    static const struct row rows[] = {
        {"{'podSelector':{}}", true, false, false},
        {"{'policyTypes':['Ingress']}", true, false, false},
        {"{'policyTypes':['Egress']}", false, true, false},
        {"{'policyTypes':['Ingress','Egress']}", true, true, false},
        {"{'policyTypes':[]}", true, false, false},
        {"{'egress':[{'to':[{'podSelector':{}}]}]}", true, true, false},
        /* What nobody can read isolates nobody. */
        {"{'policyTypes':'Egress'}", false, false, false},
        {"{'policyTypes':[7]}", false, false, false},
    };

    check_rows(*state, rows, COUNT_OF(rows));
}

#define EGRESS(rules) "{'policyTypes':['Egress'],'egress':" rules "}"
#define BLOCK(members) EGRESS("[{'to':[{'ipBlock':{" members "}}]}]")
#define PORTS(ports) EGRESS("[{'ports':" ports "}]")

static void test_metadata_api_is_reached_through_what_covers_its_address(void **state)
{
    static const struct row rows[] = {
        {EGRESS("[]"), false, true, false},
        {EGRESS("[{}]"), false, true, true},
        {EGRESS("[{'to':[]}]"), false, true, true},
        {BLOCK("'cidr':'0.0.0.0/0'"), false, true, true},
        {BLOCK("'cidr':'169.254.0.0/16'"), false, true, true},
        {BLOCK("'cidr':'169.254.169.254/32'"), false, true, true},
        {BLOCK("'cidr':'169.254.169.254/16'"), false, true, true}, /* host bits */
        {BLOCK("'cidr':'10.0.0.0/8'"), false, true, false},
        {BLOCK("'cidr':'0.0.0.0/0','except':['169.254.169.254/32']"), false, true, false},
        {BLOCK("'cidr':'0.0.0.0/0','except':['10.0.0.0/8','169.254.0.0/16']"), false, true, false},
        {BLOCK("'cidr':'0.0.0.0/0','except':['10.0.0.0/8']"), false, true, true},
        {BLOCK("'cidr':'::/0'"), false, true, true},
        {BLOCK("'cidr':'::/0','except':['fd00:ec2::254/128']"), false, true, false},
        {BLOCK("'cidr':'2001:db8::/32'"), false, true, false},
        {EGRESS("[{'to':[{'podSelector':{}}]}]"), false, true, false},
        {EGRESS("[{'to':[{'namespaceSelector':{}}]}]"), false, true, false},
        {EGRESS("[{'to':[{'podSelector':{}}]},{}]"), false, true, true},
        /* Another direction's rules mean nothing. */
        {"{'policyTypes':['Ingress'],'egress':[{}]}", true, false, false},
    };

    check_rows(*state, rows, COUNT_OF(rows));
}

static void test_metadata_api_answers_on_port_80_alone(void **state)
{
    static const struct row rows[] = {
        {PORTS("[]"), false, true, true},
        {PORTS("[{'port':80}]"), false, true, true},
        {PORTS("[{'protocol':'TCP','port':80}]"), false, true, true},
        {PORTS("[{'protocol':'TCP'}]"), false, true, true},
        {PORTS("[{'protocol':'UDP'}]"), false, true, false},
        {PORTS("[{'port':53},{'protocol':'UDP','port':80}]"), false, true, false},
        {PORTS("[{'port':53},{'port':80}]"), false, true, true},
        {PORTS("[{'port':1,'endPort':65535}]"), false, true, true},
        {PORTS("[{'port':81,'endPort':65535}]"), false, true, false},
        {PORTS("[{'port':1,'endPort':79}]"), false, true, false},
        {PORTS("[{'port':'http'}]"), false, true, false},
    };

    check_rows(*state, rows, COUNT_OF(rows));
}

static void test_what_cannot_be_judged_is_taken_to_reach_it(void **state)
{
    static const struct row rows[] = {
        {EGRESS("{}"), false, true, true},
        {EGRESS("[5]"), false, true, true},
        {EGRESS("[{'to':'all'}]"), false, true, true},
        {EGRESS("[{'to':[7]}]"), false, true, true},
        {EGRESS("[{'to':[{}]}]"), false, true, true},
        {BLOCK(""), false, true, true},
        {BLOCK("'cidr':5"), false, true, true},
        {BLOCK("'cidr':'everywhere'"), false, true, true},
        {BLOCK("'cidr':'0.0.0.0/0','except':[5,'none']"), false, true, true},
        {BLOCK("'cidr':'0.0.0.0/0','except':'169.254.169.254/32'"), false, true, true},
        {PORTS("'80'"), false, true, true},
        {PORTS("[7]"), false, true, true},
        {PORTS("[{'protocol':7,'port':80}]"), false, true, true},
        {PORTS("[{'port':true}]"), false, true, true},
        {PORTS("[{'port':1,'endPort':'65535'}]"), false, true, true},
    };

    check_rows(*state, rows, COUNT_OF(rows));
}

static void test_policy_that_was_cut_is_suspected_of_everything(void **state)
{
    json_t *root = json_of("{'metadata':{'name':'p','namespace':'shop','uid':'u',"
                           "'resourceVersion':'1'},'" OBJECT_CUT "':true}");
    const struct netpol_facts *np =
        OBJECT_AS(netpol_facts, decode_ok(KIND_NETWORK_POLICY, root, *state));

    json_decref(root);
    assert_true(np->reaches_metadata);
    assert_false(np->isolates_ingress);
    assert_false(np->isolates_egress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARENA_TEST(test_policy_isolates_in_the_directions_of_its_types),
        ARENA_TEST(test_metadata_api_is_reached_through_what_covers_its_address),
        ARENA_TEST(test_metadata_api_answers_on_port_80_alone),
        ARENA_TEST(test_what_cannot_be_judged_is_taken_to_reach_it),
        ARENA_TEST(test_policy_that_was_cut_is_suspected_of_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
