/* What is asked for, the loop, and what is said: one JSON object a line.
 *
 * "ready": all sessions are open. A line on the standard input starts the work.
 * "stalled" (work "stall" only): nothing more is taken. A line goes on.
 * "done": the work is done, the sessions are still open. A line ends it. */
#include "loadgen.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct options options = {.path = "/", .parallel = 32, .clients = 1, .seconds = 0};
int epoll;
uint64_t now;

_Noreturn void fail(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    fputs("loadgen: ", stderr);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    exit(1);
}

uint64_t clock_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

void sample(struct samples *all, uint64_t ns) {
    if (all->count == all->room) {
        all->room = all->room ? 2 * all->room : 65536;
        all->ns = realloc(all->ns, all->room * sizeof *all->ns);
        if (!all->ns) fail("no memory for samples");
    }
    all->ns[all->count++] = ns;
}

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Say how the work since the last event went; `since` is when it began, in ns. */
void report(const char *event, uint64_t since, uint64_t bytes, uint64_t lost,
            struct samples *all, size_t kinds) {
    static double before;
    double cpu = cpu_seconds(), seconds = (clock_ns() - since) / 1e9;
    printf("{\"event\": \"%s\", \"seconds\": %.6f, \"bytes\": %llu, \"lost\": %llu, "
           "\"cpu\": %.6f", event, seconds, (unsigned long long)bytes,
           (unsigned long long)lost, cpu - before);
    for (size_t i = 0; i < kinds; i++) {
        size_t count = all[i].count;
        if (!count) continue;
        qsort(all[i].ns, count, sizeof *all[i].ns, ascending);
        printf(", \"%s\": {\"count\": %zu, \"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}",
               all[i].name, count, all[i].ns[count / 2] / 1e3, all[i].ns[count * 99 / 100] / 1e3,
               all[i].ns[count - 1] / 1e3);
        all[i].count = 0;
    }
    puts("}");
    fflush(stdout);
    before = cpu_seconds();
}

static void parse(int count, char **words) {
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = words[i], *value = words[i + 1];
        if (!strcmp(name, "--work")) options.work = value;
        else if (!strcmp(name, "--path")) options.path = value;
        else if (!strcmp(name, "--port")) options.port = atoi(value);
        else if (!strcmp(name, "--target-port")) options.target_port = atoi(value);
        else if (!strcmp(name, "--websocket")) options.framed = atoi(value);
        else if (!strcmp(name, "--tls")) options.tls = atoi(value);
        else if (!strcmp(name, "--clients")) options.clients = atoi(value);
        else if (!strcmp(name, "--parallel")) options.parallel = atoi(value);
        else if (!strcmp(name, "--active")) options.active = atoi(value);
        else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
        else if (!strcmp(name, "--open-rate")) options.open_rate = atof(value);
        else if (!strcmp(name, "--bytes")) options.bytes = strtoull(value, NULL, 10);
        else fail("unknown option %s", name);
    }
    if (!options.work || !options.port || !options.target_port)
        fail("--work, --port and --target-port are needed, see main.c");
}

static void add(int fd, int role) {
    static struct conn watched[2];
    struct conn *conn = &watched[role - STDIN];
    conn->fd = fd;
    conn->role = role;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll: %s", strerror(errno));
}

static void read_line(void) {
    char line[64];
    if (read(0, line, sizeof line) <= 0) exit(0); /* the harness has gone */
    work_line();
}

static void loop(void) {
    struct epoll_event events[256];
    while (!work_ended) {
        uint64_t wanted = work_turn();
        now = clock_ns();
        uint64_t wait = wanted > now ? wanted - now : 0;
        struct timespec timeout = {wait / SECOND, wait % SECOND};
        int count = epoll_pwait2(epoll, events, 256, wanted == UINT64_MAX ? NULL : &timeout, NULL);
        for (int i = 0; i < count; i++) {
            struct conn *conn = events[i].data.ptr;
            now = clock_ns();
            if (conn->role == LISTENER) while (wire_accept(conn->fd));
            else if (conn->role == STDIN) read_line();
            else if (conn->stage != GONE) wire_event(conn, events[i].events);
        }
        wire_free();
    }
}

/* Descriptors are often limited to fewer than both ends of 10,000 sessions need: then the target
 * is a process of its own. It only echoes, so nothing has to be told to it. */
static void split(int listener) {
    pid_t parent = getpid();
    int child = fork() == 0;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!child) {
        close(listener);
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) exit(0);
    options.clients = 0;
    add(listener, LISTENER);
    loop();
}

int main(int count, char **words) {
    parse(count, words);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    message_init();
    wire_init();
    now = clock_ns();
    work_init();
    int listener = wire_listen(options.target_port);
    if (!strcmp(options.work, "idle")) {
        split(listener);
    } else {
        epoll = epoll_create1(EPOLL_CLOEXEC);
        add(listener, LISTENER);
    }
    add(0, STDIN);
    loop();
    return 0;
}
