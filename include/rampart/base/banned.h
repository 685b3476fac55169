/*
 * Functions that this code base does without. Included by every .c file of the product through the
 * compiler's -include, so that a slip is a compile error and not a review comment.
 * base/alloc.c, which wraps the allocator, defines RAMPART_ALLOW_RAW_MEMORY.
 */
#ifndef RAMPART_BASE_BANNED_H
#define RAMPART_BASE_BANNED_H

/* Headers that use the names themselves come first. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* glibc has some of them as macros, clang minds. */
#undef alloca
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef strncat
#undef strncpy
#undef strdup
#undef strndup

#ifndef RAMPART_ALLOW_RAW_MEMORY
#pragma GCC poison malloc calloc realloc reallocarray strdup strndup
#endif
#pragma GCC poison sprintf vsprintf strcpy strcat strncat strncpy gets strtok atoi atol atoll sscanf
#pragma GCC poison alloca system popen

#endif
