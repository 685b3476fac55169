#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <uv.h>
#include <yaml.h>

#include "rampart/cli/args.h"
#include "rampart/cli/cli.h"

const char *const rampart_version = RAMPART_VERSION;

int version_command(int argc, char **argv)
{
    static const struct arg_command command = {
        .name = "version",
        .usage = "[FLAGS]",
        .text = "Tells the versions of Rampart and of the libraries that it runs with.\n",
    };
    int code;

    if (argc > 0 && argv[0][0] != '-') {
        if (!args_parse(&command, argc, argv, &code))
            return code;
    }
    (void)printf("rampart  %s\n", rampart_version);
    (void)printf("libcurl  %s\n", curl_version_info(CURLVERSION_NOW)->version);
    (void)printf("jansson  %s\n", jansson_version_str());
    (void)printf("openssl  %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    (void)printf("libuv    %s\n", uv_version_string());
    (void)printf("libyaml  %s\n", yaml_get_version_string());
    return EXIT_DONE;
}
