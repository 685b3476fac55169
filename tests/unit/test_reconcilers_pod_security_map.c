/* Which change asks for the labels of which namespaces to be looked at. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rampart/json/decode.h"
#include "rampart/reconcilers/pod_security.h"
#include "support/world.h"

static struct world earlier, later;
static struct view view;
static struct view_ops ops;
static struct verdict said;
static bool has_said;
static char marks[512];

static const struct verdict *get_said(const void *ctx, const char *ns)
{
    (void)ctx;
    assert_string_equal(ns, "shop");
    return has_said ? &said : NULL;
}

static int setup(void **state)
{
    (void)state;
    world_init(&earlier);
    world_init(&later);
    ops = *later.view.ops;
    ops.pod_security = get_said;
    view = later.view;
    view.ops = &ops;
    has_said = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(&earlier);
    world_done(&later);
    return 0;
}

static void add(const char *what, const char *name)
{
    size_t len = strlen(marks);

    (void)snprintf(marks + len, sizeof(marks) - len, " %s%s", what, name);
}

static void mark_pod_security(void *ctx, const char *ns)
{
    (void)ctx;
    add("labels/", ns ? ns : "*");
}

static void mark_profile(void *ctx, const char *name)
{
    (void)ctx;
    add("profile/", name);
}

static const struct dirty dirty = {.mark_pod_security = mark_pod_security,
                                   .mark_profile = mark_profile};

static void assert_marks(const struct object *before, const struct object *after, const char *want)
{
    marks[0] = '\0';
    pod_security_map(&view, before, after, &dirty);
    assert_string_equal(marks, want);
}

static const struct object *put(struct world *w, enum kind kind, const char *meta, const char *rest)
{
    const char *ns = kind == KIND_NAMESPACE || kind == KIND_PROFILE ? "" : "'namespace':'shop',";

    world_put(w, kind, "{'metadata':{%s'name':'%s'%s}%s}", ns,
              kind == KIND_NAMESPACE ? "shop" : "p", meta, rest);
    return view_get(&w->view, kind, *ns ? "shop" : "", kind == KIND_NAMESPACE ? "shop" : "p");
}

#define MARK(name) ",'annotations':{'rampart.dev/pod-security':'" name "'}"

static void test_a_namespace_is_looked_at_for_its_labels_and_its_mark(void **state)
{
    const struct object *plain = put(&earlier, KIND_NAMESPACE, "", "");

    (void)state;
    assert_marks(NULL, plain, " labels/shop");
    assert_marks(plain, NULL, " labels/shop");
    assert_marks(plain, put(&later, KIND_NAMESPACE, ",'annotations':{'a':'b'}", ""), "");
    assert_marks(plain, put(&later, KIND_NAMESPACE, ",'labels':{'a':'b'}", ""), " labels/shop");
    assert_marks(plain, put(&later, KIND_NAMESPACE, ",'deletionTimestamp':'x'", ""),
                 " labels/shop");
    assert_marks(plain, put(&later, KIND_NAMESPACE, MARK("p"), ""), " labels/shop profile/p");
    world_remove(&later, KIND_NAMESPACE, NULL, "shop");
    assert_marks(plain, put(&later, KIND_NAMESPACE, "", ""), " labels/shop"); /* another uid */
}

static void test_a_profile_hears_of_marks_in_its_name(void **state)
{
    const struct object *marked = put(&earlier, KIND_NAMESPACE, MARK("p"), "");

    (void)state;
    assert_marks(marked, put(&later, KIND_NAMESPACE, "", ""), " labels/shop profile/p");
    assert_marks(marked, put(&later, KIND_NAMESPACE, MARK("q"), ""),
                 " labels/shop profile/p profile/q");
    assert_marks(marked, put(&later, KIND_NAMESPACE, MARK("p"), ""), "");
    assert_marks(marked, NULL, " labels/shop profile/p");
}

#define STATES ",'spec':{'namespaceSelector':{},'podSecurityAdmission':{'warn':'baseline'}}"
#define SILENT ",'spec':{'namespaceSelector':{},'network':{}}"

static void test_an_edit_of_a_profile_that_states_the_section_marks_all(void **state)
{
    const struct object *stated = put(&earlier, KIND_PROFILE, ",'generation':1", STATES);
    const struct object *silent;

    (void)state;
    assert_marks(NULL, stated, " labels/*");
    assert_marks(stated, NULL, " labels/*");
    assert_marks(stated, put(&later, KIND_PROFILE, ",'generation':1", STATES), "");
    assert_marks(stated, put(&later, KIND_PROFILE, ",'generation':2", STATES), " labels/*");
    assert_marks(stated, put(&later, KIND_PROFILE, ",'generation':2", SILENT), " labels/*");
    assert_marks(stated,
                 put(&later, KIND_PROFILE, ",'generation':1,'deletionTimestamp':'x'", STATES),
                 " labels/*");
    assert_marks(stated,
                 put(&later, KIND_PROFILE, ",'generation':1,'finalizers':['rampart.dev/take-back']",
                     STATES),
                 " labels/*");
    world_remove(&later, KIND_PROFILE, NULL, "p");
    assert_marks(stated, put(&later, KIND_PROFILE, ",'generation':1", STATES), " labels/*");
    silent = put(&earlier, KIND_PROFILE, ",'generation':1", SILENT);
    assert_marks(silent, put(&later, KIND_PROFILE, ",'generation':2", SILENT), "");
    assert_marks(silent, put(&later, KIND_PROFILE, ",'generation':2", STATES), " labels/*");
}

#define TEMPLATE(image) \
    ",'spec':{'template':{'spec':{'containers':[{'name':'c','image':'" image "'}]}}}"

static void test_a_workload_matters_where_something_is_amiss(void **state)
{
    const struct object *before = put(&earlier, KIND_DEPLOYMENT, "", TEMPLATE("a"));

    (void)state;
    assert_marks(NULL, before, " labels/shop"); /* nothing is known of the namespace yet */
    has_said = true;
    said = (struct verdict){.state = VERDICT_COMPLIANT};
    assert_marks(NULL, before, "");
    said.state = VERDICT_DRIFTED;
    assert_marks(NULL, before, " labels/shop");
    assert_marks(before, NULL, " labels/shop");
    assert_marks(before, put(&later, KIND_DEPLOYMENT, ",'labels':{'a':'b'}", TEMPLATE("a")), "");
    assert_marks(before, put(&later, KIND_DEPLOYMENT, "", TEMPLATE("b")), " labels/shop");
    world_remove(&later, KIND_DEPLOYMENT, "shop", "p");
    assert_marks(before, put(&later, KIND_DEPLOYMENT, "", TEMPLATE("a")), " labels/shop");
}

static void test_other_kinds_do_not_matter(void **state)
{
    (void)state;
    assert_marks(NULL, put(&later, KIND_SERVICE, "", ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_namespace_is_looked_at_for_its_labels_and_its_mark,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_profile_hears_of_marks_in_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_edit_of_a_profile_that_states_the_section_marks_all,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_workload_matters_where_something_is_amiss, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_other_kinds_do_not_matter, setup, teardown),
    };

    json_use_allocator(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
