#include "rampart/edge/allocators.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <uv.h>

#include "rampart/base/alloc.h"
#include "rampart/base/map.h"
#include "rampart/edge/loop.h"
#include "rampart/json/get.h"

/* OpenSSL passes size 0 and NULL straight through and expects what its own functions do with them.
 */
static void *openssl_alloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size > 0 ? mem_alloc(size) : NULL;
}

static void openssl_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    mem_free(ptr);
}

static void *openssl_realloc(void *ptr, size_t size, const char *file, int line)
{
    if (!ptr)
        return openssl_alloc(size, file, line);
    if (size == 0) {
        mem_free(ptr);
        return NULL;
    }
    return mem_realloc(ptr, size);
}

int allocators_install(struct err *err)
{
    CURLcode code;

    json_use_allocator((size_t)clock_random_seed());
    map_seed((uint32_t)clock_random_seed());
    /* Each refuses once something was allocated through it: a call out of order in main(). */
    if (uv_replace_allocator(mem_alloc, mem_realloc, mem_calloc, mem_free) != 0)
        return err_set(err, ERR_IO, "libuv does not take the allocator");
    if (CRYPTO_set_mem_functions(openssl_alloc, openssl_realloc, openssl_free) != 1)
        return err_set(err, ERR_IO, "OpenSSL was in use before allocators_install()");
    code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, mem_free, mem_realloc, mem_strdup,
                                mem_calloc);
    if (code == CURLE_OUT_OF_MEMORY)
        return err_nomem(err);
    if (code != CURLE_OK)
        return err_set(err, ERR_IO, "libcurl: %s", curl_easy_strerror(code));
    return 0;
}

void allocators_done(void)
{
    curl_global_cleanup();
    OPENSSL_cleanup();
    uv_library_shutdown();
}
