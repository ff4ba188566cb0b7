/* notify.c: one datagram to the socket in NOTIFY_SOCKET. */

#include "app/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@name" in the abstract namespace. 0: neither. */
static socklen_t address_of(const char *text, struct sockaddr_un *ret)
{
    size_t len = strlen(text);

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((*text != '/' && *text != '@') || len < 2 || len >= sizeof(ret->sun_path))
        return 0;
    memcpy(ret->sun_path, text, len);
    if (*text == '@')
        ret->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

int notify_send(const char *state)
{
    const char *text = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to;

    if (!text || !*text)
        return OK;
    socklen_t to_len = address_of(text, &to);
    if (!to_len)
        return -EINVAL;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    ssize_t n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, to_len);
    int rc = n < 0 ? -errno : OK;
    close(fd);
    return rc;
}
