/*
 * Lets a program start few threads only, for the tests: put into it with LD_PRELOAD, pthread_create
 * fails after as many as DARKCOUNT_TEST_THREADS says.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                   void *argument)
{
    static int started;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    const char *allowed = getenv("DARKCOUNT_TEST_THREADS");
    if (allowed && started++ >= atoi(allowed))
        return EAGAIN;
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, work, argument);
}
