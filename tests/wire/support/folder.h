/* A folder of a test's own, gone with it. */
#ifndef TESTS_WIRE_SUPPORT_FOLDER_H
#define TESTS_WIRE_SUPPORT_FOLDER_H

struct folder {
    char path[64];
};

void folder_make(struct folder *f);
void folder_remove(struct folder *f); /* and its files, two levels deep */
/* The path of @name in it; valid until the fourth next call. */
const char *folder_at(const struct folder *f, const char *name);
void folder_write(const struct folder *f, const char *name, const char *text);
void folder_mkdir(const struct folder *f, const char *name);
/* As kubelet swaps a projected volume: a new link is made and renamed over the old one. */
void folder_swap_link(const struct folder *f, const char *link, const char *target);

#endif
