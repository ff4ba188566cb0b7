/* What the service manager is told. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/notify.h"
#include "support/scratch.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

static int listen_at(struct sockaddr_un *at, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)at, len), 0);
    return fd;
}

static void assert_told(int fd, const char *state)
{
    char text[64] = {0};

    assert_int_equal(notify_send(state), OK);
    assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), strlen(state));
    assert_string_equal(text, state);
}

static void test_by_path(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct scratch scratch;
    char path[SCRATCH_PATH];

    (void)state;
    scratch_make(&scratch);
    scratch_path(&scratch, "", "notify", path);
    assert_true(strlen(path) < sizeof(at.sun_path));
    memcpy(at.sun_path, path, strlen(path));
    int fd = listen_at(&at, sizeof(at));
    setenv("NOTIFY_SOCKET", path, 1);
    assert_told(fd, "READY=1");
    assert_told(fd, "STOPPING=1");
    close(fd);
    assert_int_equal(notify_send("READY=1"), -ECONNREFUSED);
    scratch_remove(&scratch);
    assert_int_equal(notify_send("READY=1"), -ENOENT);
}

static void test_by_abstract_name(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char name[64];

    (void)state;
    int n = snprintf(name, sizeof(name), "@courier-test-%d", (int)getpid());
    memcpy(at.sun_path + 1, name + 1, (size_t)n - 1);
    int fd = listen_at(&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
    setenv("NOTIFY_SOCKET", name, 1);
    assert_told(fd, "READY=1");
    close(fd);
}

static void test_nobody_to_tell(void **state)
{
    static char too_long[256];

    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_send("READY=1"), OK);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(notify_send("READY=1"), OK);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(notify_send("READY=1"), -EINVAL);
    setenv("NOTIFY_SOCKET", "@", 1);
    assert_int_equal(notify_send("READY=1"), -EINVAL);
    memset(too_long, '/', sizeof(too_long) - 1);
    setenv("NOTIFY_SOCKET", too_long, 1);
    assert_int_equal(notify_send("READY=1"), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_path),
        cmocka_unit_test(test_by_abstract_name),
        cmocka_unit_test(test_nobody_to_tell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
