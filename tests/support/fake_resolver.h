/* fake_resolver.h: getaddrinfo of a test: names in .test are answered here. silent.test is not
 * answered until resolver_speak, nowhere.test is no host, server.test is this machine. To be
 * included by one file of a test. */

#pragma once

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static pthread_mutex_t resolver_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resolver_spoke = PTHREAD_COND_INITIALIZER;
static bool resolver_speaks;

static inline void resolver_speak(bool speaks)
{
    pthread_mutex_lock(&resolver_lock);
    resolver_speaks = speaks;
    pthread_cond_broadcast(&resolver_spoke);
    pthread_mutex_unlock(&resolver_lock);
}

static inline int resolver_wait(void)
{
    pthread_mutex_lock(&resolver_lock);
    while (!resolver_speaks)
        pthread_cond_wait(&resolver_spoke, &resolver_lock);
    pthread_mutex_unlock(&resolver_lock);
    return EAI_AGAIN;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *at = dlsym(RTLD_NEXT, "getaddrinfo");

    if (node && strcmp(node, "silent.test") == 0)
        return resolver_wait();
    if (node && strcmp(node, "nowhere.test") == 0)
        return EAI_NONAME;
    if (node && strcmp(node, "server.test") == 0)
        node = "127.0.0.1";
    memcpy(&real, &at, sizeof(real));
    return real(node, service, hints, ret);
}
