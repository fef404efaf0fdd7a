/* Messages: eight bytes of stamp, then a pattern that both ends know. */
#include "loadgen.h"

#include <string.h>
#include <sys/epoll.h>

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};
static uint8_t pattern[BLOCK];
static uint8_t bare[BLOCK];
/* A client's frame of each size: its header, then the masked pattern. */
static const size_t SIZES[] = {BLOCK, PICTURE, KEY, ECHO};
static struct { size_t head; uint8_t bytes[14 + BLOCK]; } framed[4];

void message_init(void) {
    uint32_t seed = 2463534242u; /* xorshift: no two stretches of the pattern are alike */
    for (size_t i = 0; i < BLOCK; i++) {
        seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
        pattern[i] = bare[i] = seed;
    }
    for (int shape = 0; shape < 4; shape++) {
        uint8_t *out = framed[shape].bytes;
        uint64_t size = SIZES[shape];
        *out++ = 0x82;
        int length = size < 126 ? 0 : size < 65536 ? 2 : 8;
        *out++ = 0x80 | (length == 0 ? size : length == 2 ? 126 : 127);
        for (int i = length - 1; i >= 0; i--) *out++ = size >> 8 * i;
        memcpy(out, MASK, 4);
        out += 4;
        framed[shape].head = out - framed[shape].bytes;
        for (size_t i = 0; i < size; i++) out[i] = pattern[i] ^ MASK[i & 3];
    }
}

/* Send a message or what is left of it -> 1 when all of it is out. Else `work_writable` is
 * called when it can go on, with the same stamp. */
int message_send(struct conn *conn, uint64_t stamp, size_t size) {
    uint8_t *bytes = bare, mark[STAMP];
    size_t all = size;
    memcpy(mark, &stamp, STAMP);
    if (conn->framed) {
        int shape = 0;
        while (SIZES[shape] != size) shape++;
        bytes = framed[shape].bytes;
        for (int i = 0; i < STAMP; i++) mark[i] ^= MASK[i & 3];
        all += framed[shape].head;
    }
    memcpy(bytes + all - size, mark, STAMP);
    conn->stamp = stamp;
    ssize_t done = wire_write(conn, bytes + conn->out, all - conn->out);
    if (done < 0) return 0;
    conn->out += done;
    if (conn->out < all) {
        wire_watch(conn, conn->events | EPOLLOUT);
        return 0;
    }
    conn->out = 0;
    conn->messages_out++;
    return 1;
}

/* Compare what came with what must come; `done` is called for each whole message. */
void message_receive(struct conn *conn, const uint8_t *data, size_t size, size_t message,
                     void (*done)(struct conn *, uint64_t stamp)) {
    while (size && conn->stage != GONE) {
        size_t part = message - conn->in < size ? message - conn->in : size, used = 0;
        if (conn->in < STAMP) {
            used = STAMP - conn->in < part ? STAMP - conn->in : part;
            memcpy(conn->text + conn->in, data, used);
        }
        if (memcmp(data + used, pattern + conn->in + used, part - used))
            fail("wrong bytes in message %llu at %zu", (unsigned long long)conn->messages_in,
                 conn->in);
        conn->in += part;
        data += part;
        size -= part;
        if (conn->in == message) {
            uint64_t stamp;
            memcpy(&stamp, conn->text, STAMP);
            conn->in = 0;
            conn->messages_in++;
            done(conn, stamp);
        }
    }
}
