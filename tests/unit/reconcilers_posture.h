/* Shared by the tests of postures: workloads in a little cluster. */
#ifndef TESTS_UNIT_RECONCILERS_POSTURE_H
#define TESTS_UNIT_RECONCILERS_POSTURE_H

#include "reconcilers_status.h"

#include "rampart/kube/workload.h"
#include "rampart/reconcilers/posture.h"
#include "support/sweep.h"

#define RESTRICTED                                                                             \
    "'securityContext':{'runAsNonRoot':true,'seccompProfile':{'type':'RuntimeDefault'}},"      \
    "'containers':[{'name':'app','image':'a:1','securityContext':{'allowPrivilegeEscalation':" \
    "false,'capabilities':{'drop':['ALL']}}}]"
#define PRIVILEGED \
    "'containers':[{'name':'app','image':'a:1','securityContext':{'privileged':true}}]"

static inline void put_workload(enum kind kind, const char *name, const char *spec)
{
    world_put(&world, kind,
              "{'metadata':{'name':'%s','namespace':'shop','labels':{'app':'%s'}},'spec':{"
              "'template':{'metadata':{'labels':{'app':'%s'}},'spec':{%s}}}}",
              name, name, name, spec);
}

static inline void put_cron_job(const char *name, const char *spec)
{
    world_put(&world, KIND_CRON_JOB,
              "{'metadata':{'name':'%s','namespace':'shop'},'spec':{'jobTemplate':{'spec':{"
              "'template':{'spec':{%s}}}}}}",
              name, spec);
}

static inline void put_exception(const char *name, const char *spec)
{
    world_put(&world, KIND_EXCEPTION,
              "{'metadata':{'name':'%s','namespace':'shop'},'spec':{%s,'reason':'old',"
              "'author':'me'}}",
              name, spec);
}

static inline void begin(const char *workloads)
{
    put_namespace("shop", "'team':'shop'");
    put_profile("p", "", workloads, "");
}

#endif
