#include "wire/support/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rampart/json/build.h"
#include "support/text.h"
#include "support/unit.h"

void plugin_script(struct plugin *p, const char *script)
{
    AUTO_STRBUF text;

    strbuf_init(&text, 1u << 16);
    strbuf_addf(&text, "#!/bin/sh\ncd '%s'\necho $$ >>runs\n%s\n", p->folder.path, script);
    folder_write(&p->folder, "plugin.tmp", text.text);
    assert_int_equal(chmod(folder_at(&p->folder, "plugin.tmp"), 0700), 0);
    assert_int_equal(rename(folder_at(&p->folder, "plugin.tmp"), p->path), 0);
}

void plugin_make(struct plugin *p, const char *script)
{
    *p = (struct plugin){0};
    folder_make(&p->folder);
    (void)snprintf(p->path, sizeof(p->path), "%s", folder_at(&p->folder, "plugin"));
    p->config = (struct exec_config){.api_version = PLUGIN_V1, .command = p->path};
    folder_write(&p->folder, "runs", "");
    plugin_script(p, script);
}

void plugin_remove(struct plugin *p)
{
    folder_remove(&p->folder);
}

unsigned plugin_runs(const struct plugin *p)
{
    char *text = text_file(folder_at(&p->folder, "runs"), NULL);
    unsigned runs = 0;

    for (const char *c = text; *c; c++)
        runs += *c == '\n';
    free(text);
    return runs;
}

pid_t plugin_pid(const struct plugin *p)
{
    char *text = text_file(folder_at(&p->folder, "runs"), NULL);
    size_t len = strlen(text);
    pid_t pid = 0;

    if (len > 0) {
        text[len - 1] = '\0';
        pid = (pid_t)strtol(strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text, NULL, 10);
    }
    free(text);
    return pid;
}

static void add_known(struct json_build *j, const char *name, const char *text)
{
    if (text)
        json_add_str(j, name, text);
}

void plugin_answer(const struct plugin *p, const char *token, const char *cert, const char *key,
                   const char *expires)
{
    struct json_build j;
    AUTO_STRBUF text;

    strbuf_init(&text, 1u << 20);
    json_build_init(&j, &text);
    json_open_obj(&j, NULL);
    json_add_str(&j, "kind", "ExecCredential");
    json_add_str(&j, "apiVersion", PLUGIN_V1);
    json_open_obj(&j, "status");
    add_known(&j, "token", token);
    add_known(&j, "clientCertificateData", cert);
    add_known(&j, "clientKeyData", key);
    add_known(&j, "expirationTimestamp", expires);
    json_close_obj(&j);
    json_close_obj(&j);
    folder_write(&p->folder, "answer.tmp", text.text);
    assert_int_equal(rename(folder_at(&p->folder, "answer.tmp"), folder_at(&p->folder, "answer")),
                     0);
}

static char accepted[64]; /* the Authorization header */

void plugin_accept(const char *token)
{
    (void)snprintf(accepted, sizeof(accepted), "%s%s", token ? "Bearer " : "", token ? token : "");
}

void plugin_on_request(void *ctx, struct server_stream *s, const struct server_request *r)
{
    (void)ctx;
    if (strcmp(r->authorization, accepted) != 0)
        server_answer(s, 401, "", "{\"kind\":\"Status\"}");
    else if (strstr(r->path, "/watch"))
        server_reply(s, 200, "content-type: application/json\r\n");
    else
        server_answer(s, 200, "", "welcome");
}

void plugin_open(struct wire *w, const struct plugin *p)
{
    wire_start(w, &(struct server_options){.handler = plugin_on_request});
    w->config.token = NULL;
    w->config.exec = &p->config;
    wire_connect(w, 0, 0);
}

struct call *plugin_get(struct wire *w)
{
    struct call *c = wire_get(w, "/");

    wire_until_done(c);
    return c;
}
