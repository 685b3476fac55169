/*
 * Whose is what a fill may have left in a live workload: every part of it that is there, with its
 * owners as managedFields and last-applied-configuration tell them, and what of it is to be taken
 * back. Internal to reconcilers/fill_*.c.
 */
#ifndef RAMPART_RECONCILERS_FILL_LEDGER_H
#define RAMPART_RECONCILERS_FILL_LEDGER_H

#include "rampart/reconcilers/fill.h"

enum part_role {
    PART_PATH = 0, /* leads to others, never taken back: spec, a container */
    PART_LIST,     /* the same, of containers by name */
    PART_PARENT,   /* may have come with a leaf: securityContext */
    PART_LEAF,
};

struct part {
    const char *field;  /* as in managedFields: "f:spec", "k:{\"name\":\"web\"}" */
    const char *name;   /* of the member, or of the container */
    const json_t *live; /* borrowed from the object */
    const json_t *at;   /* where the entry that is being read has it */
    bool (*is_filled)(const json_t *live); /* of a leaf: whether that is what a fill writes */
    size_t parent;                         /* its place; PART_NONE at the top */
    size_t end;                            /* the place after the last part below it */
    size_t taken_count;                    /* of the parts right below it */
    enum part_role role;
    bool is_element; /* a container: found by its name in the list above */
    bool is_ours;    /* a leaf is in our entry, a parent's "." is */
    bool is_others;  /* the same for anybody else's */
    bool is_stated;  /* last-applied-configuration has it */
    bool is_taken;   /* to be taken back */
    bool has_taken;  /* something below it is */
};

#define PART_NONE SIZE_MAX

struct ledger {
    struct part *parts; /* arena; a part comes before what is below it */
    size_t count;
    size_t taken; /* leaves */
    size_t kept;  /* leaves of ours that others have adopted */
    bool has_our_entry;
    bool has_our_annotation; /* on the template or on the workload */
};

/* @root is the live object, borrowed as long as the ledger is used. Errors: fill_take_back(). */
MUST_CHECK int fill_ledger_read(enum kind kind, const json_t *root, struct arena *a,
                                struct ledger *ret_ledger, struct err *err);
/* Decides what is taken back. @keeps_mark: not the mark on the workload. */
void fill_ledger_take(struct ledger *ledger, bool keeps_mark);

#endif
