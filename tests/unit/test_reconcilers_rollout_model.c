/* Random histories against a simulated controller: rollouts that finish, hang and crash, an
 * operator that is killed between any two acts, owners who change and roll back, rivals who take
 * back. */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rampart/reconcilers/rollout_planner.h"
#include "rollout_fixture.h"

#define WORKLOADS 8
#define REVISIONS_MAX 64
#define KEY_MAX 96
#define TICK_S 5
#define SEEDS (getenv("UNDER_VALGRIND") ? 4u : 25u)

enum temper { FINE = 0, CRASHES, HANGS, TEMPERS }; /* what becomes of pods with the fill */

struct revision {
    int version;
    bool is_filled;
    char key[KEY_MAX];
    char mark[ROLLOUT_MARK_LEN_MAX + 1]; /* the copy that a ReplicaSet has */
};

struct attempt {
    char key[KEY_MAX];
    unsigned fills, reverts;
};

struct model {
    char name[16], uid[16];
    struct revision revisions[REVISIONS_MAX]; /* the last one is current */
    size_t revisions_count;
    char mark[ROLLOUT_MARK_LEN_MAX + 1]; /* of the workload; "" is none */
    const char *rival;                   /* newest other manager of the template */
    const char *thief;                   /* a rival that takes every fill back; NULL: none */
    bool wipes_marks;                    /* ... and the mark with it */
    int64_t generation, observed;
    int replicas, updated, ready;
    int64_t ready_s;
    unsigned tempers; /* enum temper by version, two bits each */
    struct attempt attempts[REVISIONS_MAX];
    size_t attempts_count;
    int undone_version; /* the version that a user rolled back to; -1: none */

    /* What the operator has in memory. */
    struct workload_facts facts;
    struct harden_memory before;
    char digest[KEY_MAX + 32];
    bool has_before, has_evidence, has_turn;
    enum rollout_reason reason;
    int64_t look_again_s;
};

static struct model models[WORKLOADS];
static struct workloads_section section;
static uint64_t seed;
static int64_t now_s;
static bool has_faults;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static struct revision *current(struct model *m)
{
    return &m->revisions[m->revisions_count - 1];
}

static enum temper temper_of(const struct model *m, const struct revision *r)
{
    return r->is_filled ? (enum temper)(m->tempers >> 2 * (r->version & 7) & 3) : FINE;
}

static void roll(struct model *m, int version, const char *key)
{
    struct revision r = {.version = version, .is_filled = key != NULL};

    assert_true(m->revisions_count < REVISIONS_MAX);
    (void)snprintf(r.key, sizeof(r.key), "%s", key ? key : "");
    m->revisions[m->revisions_count++] = r;
    m->generation++;
}

/* ---- The controller ---- */

static void control(struct model *m)
{
    enum temper temper = temper_of(m, current(m));

    if (m->observed < m->generation) {
        m->observed = m->generation;
        m->updated = 0;
        m->ready = m->replicas; /* of the old ones */
        (void)snprintf(current(m)->mark, sizeof(current(m)->mark), "%s", m->mark);
        return;
    }
    (void)snprintf(current(m)->mark, sizeof(current(m)->mark), "%s", m->mark);
    if (m->updated < m->replicas && (temper == FINE || m->updated == 0)) {
        m->updated++;
        if (temper == FINE)
            m->ready_s = now_s;
    }
    m->ready = temper == FINE ? m->replicas : m->replicas - 1;
}

/* ---- What the operator reads ---- */

static void read_facts(struct model *m)
{
    struct revision *r = current(m);

    m->facts = fixture_workload();
    m->facts.object.name = m->name;
    m->facts.object.uid = m->uid;
    (void)snprintf(m->digest, sizeof(m->digest), r->is_filled ? "v%d-filled" : "v%d", r->version);
    m->facts.template_digest = m->digest;
    m->facts.fill = r->is_filled ? r->key : NULL;
    m->facts.rollout = m->mark[0] ? m->mark : NULL;
    m->facts.pod.containers = r->is_filled ? &fixture_filled_container : &fixture_container;
    m->facts.generation = m->generation;
    m->facts.observed_generation = m->observed;
    m->facts.replicas = m->replicas;
    m->facts.replicas_updated = m->updated;
    m->facts.replicas_ready = m->facts.replicas_available = m->ready;
    m->facts.template_rival.manager = m->rival;
    m->facts.template_rival.at_ms = INT64_MAX; /* it has just written */
}

static int tried_order(const void *one, const void *other)
{
    return strcmp(((const struct tried_fill *)one)->key, ((const struct tried_fill *)other)->key);
}

static struct pods_evidence look(struct model *m, struct arena *a)
{
    struct pods_evidence pods = fixture_pods();
    struct tried_fill *tried = arena_calloc(a, m->revisions_count, sizeof(*tried));
    enum temper temper = temper_of(m, current(m));
    struct rollout_mark mark;

    pods.new_count = (size_t)m->updated;
    pods.new_ready = temper == FINE ? (size_t)m->updated : 0;
    pods.old_count = pods.old_ready = (size_t)(m->replicas - m->updated);
    pods.new_ready_s = temper == FINE ? m->ready_s : 0;
    if (temper == CRASHES && m->updated) {
        pods.new_troubles = POD_CRASH_LOOP;
        pods.new_message = "pod web-1: container app: CrashLoopBackOff";
    }
    for (size_t i = 0; i + 1 < m->revisions_count; i++) {
        struct revision *r = &m->revisions[i];

        if (!r->is_filled || strcmp(r->key, current(m)->key) == 0)
            continue;
        tried[pods.tried_count].key = r->key;
        tried[pods.tried_count++].is_proven =
            r->mark[0] && rollout_mark_read(r->mark, a, &mark, NULL) == 0 &&
            mark.phase == ROLLOUT_PROVEN && strcmp(mark.key, r->key) == 0;
    }
    qsort(tried, pods.tried_count, sizeof(*tried), tried_order);
    pods.tried = tried;
    return pods;
}

/* ---- What the operator writes ---- */

static struct attempt *attempt_of(struct model *m, const char *key)
{
    for (size_t i = 0; i < m->attempts_count; i++) {
        if (strcmp(m->attempts[i].key, key) == 0)
            return &m->attempts[i];
    }
    assert_true(m->attempts_count < REVISIONS_MAX);
    (void)snprintf(m->attempts[m->attempts_count].key, KEY_MAX, "%s", key);
    return &m->attempts[m->attempts_count++];
}

static bool is_in_rollout(const struct model *m)
{
    return m->revisions[m->revisions_count - 1].is_filled && strstr(m->mark, "\"Proving\"");
}

static void assert_may_fill(struct model *m)
{
    bool has_settled = m->observed >= m->generation && m->updated >= m->replicas;
    size_t running = 0;

    for (size_t i = 0; i < WORKLOADS; i++)
        running += is_in_rollout(&models[i]);
    assert_true(running < section.concurrent_max);
    assert_int_not_equal(current(m)->version, m->undone_version);
    if (section.when == ROLLOUT_NOW)
        assert_true(has_settled || m->generation == 1);
    else
        assert_false(has_settled); /* nothing that runs is restarted for it */
}

static void apply(struct model *m, const struct rollout_step *step, struct arena *a)
{
    struct attempt *attempt = step->act == ROLLOUT_ACT_NOTHING || step->act == ROLLOUT_ACT_LOOK
                                  ? NULL
                                  : attempt_of(m, step->mark.key);
    int version = current(m)->version;
    const char *text;

    if (!attempt)
        return;
    if (step->act == ROLLOUT_ACT_FILL) {
        assert_may_fill(m);
        assert_int_equal(++attempt->fills, 1);
        roll(m, version, step->mark.key);
    } else if (step->act == ROLLOUT_ACT_REVERT) {
        assert_int_equal(++attempt->reverts, 1);
        assert_true(temper_of(m, current(m)) != FINE || has_faults);
        roll(m, version, NULL);
    }
    assert_int_equal(rollout_mark_write(&step->mark, a, &text, NULL), 0);
    (void)snprintf(m->mark, sizeof(m->mark), "%s", text);
}

static void remember(struct model *m, const struct rollout_step *step)
{
    m->reason = step->reason;
    m->look_again_s = step->look_again_s;
    m->has_evidence = step->act == ROLLOUT_ACT_LOOK;
    if (step->keeps_before)
        return;
    rollout_remember(&m->facts, &m->before);
    m->has_before = true;
}

static void reconcile(struct model *m)
{
    AUTO_ARENA a;
    struct pods_evidence pods;
    struct rollout_step step;

    arena_init(&a, 1u << 20);
    read_facts(m);
    pods = look(m, &a);
    const struct rollout_input in = {.workload = &m->facts,
                                     .before = m->has_before ? &m->before : NULL,
                                     .section = &section,
                                     .pods = m->has_evidence ? &pods : NULL,
                                     .profile = "team",
                                     .profile_generation = 1,
                                     .now_s = now_s,
                                     .may_fill = true,
                                     .has_turn = m->has_turn};
    assert_int_equal(rollout_step(&in, &a, &step, NULL), 0);
    if (!has_faults || draw(20)) /* else it is killed, or the write is refused */
        apply(m, &step, &a);
    remember(m, &step);
}

static void plan(void)
{
    AUTO_ARENA a;
    struct harden_item items[WORKLOADS];
    struct harden_turns turns;

    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < WORKLOADS; i++) {
        struct model *m = &models[i];
        struct rollout_mark mark;
        bool has_mark = m->mark[0] && rollout_mark_read(m->mark, &a, &mark, NULL) == 0;

        read_facts(m);
        items[i] = (struct harden_item){
            .workload = &m->facts.object,
            .state = planner_state(has_mark ? &mark : NULL, "team", 1, m->reason),
        };
    }
    assert_int_equal(rollout_plan(items, WORKLOADS, &section, "team", &a, &turns, NULL), 0);
    for (size_t i = 0; i < WORKLOADS; i++) {
        for (size_t k = 0; k < WORKLOADS; k++) {
            if (items[i].workload == &models[k].facts.object)
                models[k].has_turn = items[i].has_turn;
        }
    }
}

/* One workload after the other, and the planner before each: as the queue does it. Who asks for a
 * turn or for evidence has the answer at once. */
static void operate(void)
{
    for (size_t i = 0; i < WORKLOADS; i++) {
        plan();
        reconcile(&models[i]);
        for (int again = 0; again < 2 && models[i].reason == ROLLOUT_WAITS_FOR_TURN; again++) {
            plan();
            reconcile(&models[i]);
        }
    }
}

/* ---- Others ---- */

static void forget_all(void)
{
    for (size_t i = 0; i < WORKLOADS; i++) {
        models[i].has_before = models[i].has_evidence = models[i].has_turn = false;
        models[i].reason = ROLLOUT_FINE;
    }
}

static void steal(struct model *m)
{
    if (!m->thief || !current(m)->is_filled || draw(6))
        return;
    roll(m, current(m)->version, NULL);
    m->rival = m->thief;
    if (m->wipes_marks)
        m->mark[0] = '\0';
}

static void change(struct model *m)
{
    roll(m, current(m)->version + 1, current(m)->is_filled ? current(m)->key : NULL);
    m->rival = "helm";
    m->undone_version = -1;
}

static void undo(struct model *m)
{
    if (!current(m)->is_filled || m->thief)
        return;
    for (size_t i = m->revisions_count - 1; i-- > 0;) {
        if (m->revisions[i].is_filled)
            continue;
        m->undone_version = m->revisions[i].version;
        roll(m, m->revisions[i].version, NULL);
        m->rival = "kubectl";
        m->mark[0] = '\0';
        return;
    }
}

static void others(unsigned tick)
{
    for (size_t i = 0; i < WORKLOADS; i++) {
        struct model *m = &models[i];

        steal(m);
        if (tick < 120 && has_faults && m->revisions_count < REVISIONS_MAX / 2) {
            if (draw(60) == 0)
                change(m);
            if (draw(80) == 0)
                undo(m);
        }
    }
    if (has_faults && draw(10) == 0)
        forget_all();
}

static void start(uint64_t number, enum rollout_when when, bool with_thieves)
{
    memset(models, 0, sizeof(models));
    seed = number * 977 + 1;
    now_s = 1000000;
    section = fixture_section();
    section.when = when;
    section.failures_percent_max = 100;
    for (size_t i = 0; i < WORKLOADS; i++) {
        struct model *m = &models[i];

        (void)snprintf(m->name, sizeof(m->name), "web-%zu", i);
        (void)snprintf(m->uid, sizeof(m->uid), "uid-%zu", i);
        m->replicas = m->updated = m->ready = 1 + (int)draw(4);
        m->undone_version = -1;
        for (unsigned v = 0; v < 8; v++)
            m->tempers |= (draw(2) ? FINE : draw(TEMPERS)) << 2 * v;
        roll(m, 0, NULL);
        m->generation = m->observed = 2; /* it has been there for long */
        if (with_thieves && draw(2)) {
            m->thief = draw(2) ? "argocd-controller" : "kubectl-replace";
            m->wipes_marks = draw(2);
        }
    }
}

static void run(unsigned ticks)
{
    for (unsigned tick = 0; tick < ticks; tick++) {
        others(tick);
        for (size_t i = 0; i < WORKLOADS; i++)
            control(&models[i]);
        operate();
        now_s += TICK_S;
    }
}

static enum rollout_phase phase_of(struct model *m)
{
    AUTO_ARENA a;
    struct rollout_mark mark;

    arena_init(&a, 1u << 20);
    return m->mark[0] && rollout_mark_read(m->mark, &a, &mark, NULL) == 0 ? mark.phase
                                                                          : ROLLOUT_NONE;
}

static void assert_ended_well(struct model *m)
{
    struct revision bare = {.version = current(m)->version, .is_filled = true};

    if (temper_of(m, &bare) == FINE) {
        assert_true(current(m)->is_filled);
        assert_int_equal(phase_of(m), ROLLOUT_PROVEN);
    } else {
        assert_false(current(m)->is_filled);
        assert_int_equal(phase_of(m), ROLLOUT_REVERTED);
        assert_int_equal(attempt_of(m, m->attempts[0].key)->reverts, 1);
    }
}

static void test_without_faults_every_fill_stays_or_is_reverted_once(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SEEDS; s++) {
        has_faults = false;
        start(s, ROLLOUT_NOW, false);
        run(250);
        for (size_t i = 0; i < WORKLOADS; i++)
            assert_ended_well(&models[i]);
    }
}

static void test_switching_on_restarts_nothing_until_the_owner_does(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SEEDS; s++) {
        has_faults = false;
        start(s, ROLLOUT_NEXT_CHANGE, false);
        run(30);
        for (size_t i = 0; i < WORKLOADS; i++)
            assert_int_equal(models[i].revisions_count, 1);
        change(&models[0]);
        run(60);
        assert_ended_well(&models[0]);
        assert_int_equal(models[1].revisions_count, 1);
    }
}

static void test_no_history_tries_a_fill_twice_or_passes_the_bound(void **state)
{
    (void)state;
    for (unsigned s = 0; s < SEEDS; s++) {
        has_faults = true;
        start(s, s % 3 ? ROLLOUT_NOW : ROLLOUT_NEXT_CHANGE, s % 2);
        run(300); /* the claims are held at each write */
    }
}

static void test_a_rival_gets_its_way_after_two_rounds(void **state)
{
    unsigned contested = 0;

    (void)state;
    for (unsigned s = 0; s < SEEDS; s++) {
        has_faults = false;
        start(s, ROLLOUT_NOW, true);
        run(400);
        for (size_t i = 0; i < WORKLOADS; i++) {
            struct model *m = &models[i];
            unsigned fills = 0;

            for (size_t k = 0; k < m->attempts_count; k++)
                fills += m->attempts[k].fills;
            assert_true(fills <= ROLLOUT_LOST_MAX);
            if (m->thief)
                assert_false(current(m)->is_filled);
            if (phase_of(m) == ROLLOUT_CONTESTED) {
                contested++;
                assert_non_null(strstr(m->mark, m->thief));
            }
        }
    }
    assert_true(contested > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_faults_every_fill_stays_or_is_reverted_once),
        cmocka_unit_test(test_switching_on_restarts_nothing_until_the_owner_does),
        cmocka_unit_test(test_no_history_tries_a_fill_twice_or_passes_the_bound),
        cmocka_unit_test(test_a_rival_gets_its_way_after_two_rounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
