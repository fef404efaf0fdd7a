/* RFB 3.8 with security None up to ServerInit (RFC 6143, 7.1 and 7.3), both sides.
 *
 * ServerInit is the first byte that a proxy which plays both halves of RFB cannot say itself. */
#include "loadgen.h"

#include <string.h>
#include <sys/epoll.h>

#define VERSION "RFB 003.008\n"
#define INIT_SIZE 28

static const uint8_t SERVER_INIT[INIT_SIZE] = {
    0x04, 0x00, 0x03, 0x00,                                     /* 1024 x 768 */
    32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0,    /* pixels */
    0, 0, 0, 4, 'l', 'o', 'a', 'd'};

void rfb_start(struct conn *conn) {
    conn->stage = RFB_VERSION;
    wire_watch(conn, EPOLLIN);
    if (conn->role == TARGET) wire_say(conn, VERSION, 12);
}

static void client_step(struct conn *conn) {
    uint8_t shared = conn->brief;
    switch (conn->stage) {
    case RFB_VERSION:
        if (memcmp(conn->text, VERSION, 12)) fail("another version of RFB");
        wire_say(conn, VERSION, 12);
        break;
    case RFB_SECURITY:
        if (memcmp(conn->text, "\1\1", 2)) fail("no security None");
        wire_say(conn, "\1", 1);
        break;
    case RFB_RESULT:
        if (memcmp(conn->text, "\0\0\0", 4)) fail("RFB's security failed");
        wire_say(conn, &shared, 1);
        break;
    case RFB_INIT:
        if (memcmp(conn->text, SERVER_INIT, INIT_SIZE)) fail("not our ServerInit");
        break;
    }
}

static void target_step(struct conn *conn) {
    switch (conn->stage) {
    case RFB_VERSION:
        if (memcmp(conn->text, VERSION, 12)) fail("a client of another version");
        wire_say(conn, "\1\1", 2);
        break;
    case RFB_SECURITY:
        if (conn->text[0] != 1) fail("a client with other security");
        wire_say(conn, "\0\0\0", 4);
        conn->stage = RFB_RESULT; /* which the client does not answer */
        break;
    case RFB_INIT:
        conn->brief = conn->text[0];
        wire_say(conn, SERVER_INIT, INIT_SIZE);
        break;
    }
}

/* -> bytes used; the conn is LIVE when its handshake is over. */
size_t rfb_receive(struct conn *conn, const uint8_t *data, size_t size) {
    static const uint8_t WANT[2][4] = {{12, 2, 4, INIT_SIZE}, {12, 1, 0, 1}};
    size_t used = 0;
    while (used < size && conn->stage < LIVE) {
        conn->text[conn->text_size++] = data[used++];
        if (conn->text_size < WANT[conn->role == TARGET][conn->stage - RFB_VERSION]) continue;
        conn->text_size = 0;
        if (conn->role == TARGET) target_step(conn);
        else client_step(conn);
        if (conn->stage == GONE) break;
        if (++conn->stage == LIVE) work_live(conn);
    }
    return used;
}
