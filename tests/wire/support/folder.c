#include "wire/support/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/unit.h"

void folder_make(struct folder *f)
{
    snprintf(f->path, sizeof(f->path), "/tmp/rampart-wire-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void folder_remove(struct folder *f)
{
    assert_int_equal(nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *folder_at(const struct folder *f, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", f->path, name);
    return path;
}

void folder_write(const struct folder *f, const char *name, const char *text)
{
    FILE *file = fopen(folder_at(f, name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

void folder_mkdir(const struct folder *f, const char *name)
{
    assert_int_equal(mkdir(folder_at(f, name), 0700), 0);
}

void folder_swap_link(const struct folder *f, const char *link, const char *target)
{
    assert_int_equal(symlink(target, folder_at(f, "link.tmp")), 0);
    assert_int_equal(rename(folder_at(f, "link.tmp"), folder_at(f, link)), 0);
}
