/* Asking for more memory than there can be is something that tests do: it gives NULL, as in the
 * product. */
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
