/* Linked into the nginx of ./mr asan module. In the binary rather than in the environment: nginx
 * clears the environment of its workers and of the binary it upgrades to.
 *
 * detect_odr_violation: nginx's binary and each module define the same generated tables.
 * detect_leaks: nginx leaves what lives as long as the process to the system. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_odr_violation=0:detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1:"
           "strict_string_checks=1:check_initialization_order=1";
}

const char *__ubsan_default_options(void) { return "print_stacktrace=1"; }
