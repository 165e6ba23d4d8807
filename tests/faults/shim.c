/* A disk that misbehaves on request, for the fault harnesses.
 *
 * Preloaded into a program and everything it starts, this library sees each
 * call that touches the spool ($SHIM_SPOOL), by path or by descriptor. All
 * processes share one state ($SHIM_STATE, a file that is mapped), so "call N"
 * means the N-th call of the supervisor and its workers together. It can
 *
 *   - fail call N, shorten it, send a signal at it, or kill before or after it;
 *   - go on failing from call N, as a disk does that stays full;
 *   - record every call with its data, in the order in which they happened;
 *   - turn some calls into nothing, which makes the mutants the harnesses must catch;
 *   - move the wall clock, also while the program runs.
 *
 * The layout of the state is repeated in shim.py. Nothing here opens a
 * descriptor that stays open, so programs that close or count theirs see no
 * difference.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { KILL_BEFORE = 1, KILL_AFTER, ERROR, SIGNAL, SHORT };          /* state.fault */
enum { CHANGES = 1, HANDLES = 2, READS = 4 };                        /* state.classes */
enum { NO_FILE_SYNC = 1, NO_FOLDER_SYNC = 2, NO_BUCKET_SYNC = 4,     /* state.mutant */
       NO_CLAIM_SYNC = 8, EARLY_ACK = 16, LOCKS_FREE = 32, LOCKS_TAKEN = 64,
       NO_FINISH = 128, EARLY_DELETE = 256, NO_RECORD_SYNC = 512 };

struct state {
    _Atomic uint64_t calls, hits;
    uint64_t at, count;
    int32_t fault, error, signal;
    uint32_t mutant, classes, record;
    _Atomic int64_t clock_ns;
    _Atomic uint64_t log_end;
    uint64_t log_size;
    char hit[512];
    pthread_mutex_t lock;
};
#define LOG_START 4096

struct record {
    uint32_t length, pid;
    uint64_t call;
    int64_t result, offset;
    uint64_t inode;
    int32_t error, flags;
    char op[16];
    uint32_t path, other, data, pad;
};

static struct state *state;
static struct state alone;
static char spool[PATH_MAX];
static size_t spool_length;

#define REAL(name) ({ static __typeof__(&name) real_; \
    if (!real_) { real_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name); } real_; })

__attribute__((constructor)) static void start(void) {
    if (state) return;
    const char *path = getenv("SHIM_STATE"), *tree = getenv("SHIM_SPOOL");
    struct state *found = &alone;
    if (path) {
        int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0) { fprintf(stderr, "shim: no state at %s\n", path); _exit(99); }
        void *at = REAL(mmap)(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED) { fprintf(stderr, "shim: cannot map %s\n", path); _exit(99); }
        REAL(close)(fd);
        found = at;
    }
    if (tree && realpath(tree, spool) == NULL) snprintf(spool, sizeof spool, "%s", tree);
    spool_length = strlen(spool);
    state = found;
}

/* Called once by the harness, on a fresh state. */
int shim_prepare(const char *path) {
    int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    struct state *fresh = REAL(mmap)(NULL, LOG_START, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REAL(close)(fd);
    if (fresh == MAP_FAILED) return -1;
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&fresh->lock, &kind);
    munmap(fresh, LOG_START);
    return (int)sizeof(struct record);
}

/* ---------------------------------------------------------------- paths */

static int inside(const char *path) {
    if (!state) start();
    return spool_length && strncmp(path, spool, spool_length) == 0
        && (path[spool_length] == '/' || path[spool_length] == 0);
}

static int of_fd(int fd, char *out) {
    char link[64];
    int kept = errno;
    if (!state) start();
    out[0] = 0;
    if (!spool_length || fd < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    errno = kept;
    out[n > 0 ? n : 0] = 0;
    return n > 0 && inside(out);
}

/* The path as the kernel would walk it, without "." and "..". */
static int of_path(int dir, const char *path, char *out) {
    char whole[2 * PATH_MAX];
    int kept = errno;
    if (!state) start();
    out[0] = 0;
    if (!spool_length || !path) return 0;
    if (path[0] == '/') snprintf(whole, sizeof whole, "%s", path);
    else {
        char base[PATH_MAX];
        if (dir == AT_FDCWD) { if (!getcwd(base, sizeof base)) base[0] = 0; }
        else of_fd(dir, base);
        snprintf(whole, sizeof whole, "%s/%s", base, path);
    }
    size_t n = 0;
    for (char *part = whole, *next; part; part = next) {
        next = strchr(part, '/');
        if (next) *next++ = 0;
        if (!*part || !strcmp(part, ".")) continue;
        if (!strcmp(part, "..")) { while (n && out[--n] != '/'); out[n] = 0; continue; }
        if (n + strlen(part) + 2 > PATH_MAX) break;
        n += sprintf(out + n, "/%s", part);
    }
    errno = kept;
    return inside(out);
}

static const char *below(const char *path) {       /* relative to the spool */
    return inside(path) && path[spool_length] ? path + spool_length + 1 : "";
}

static int starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---------------------------------------------------------------- one call */

struct call { uint64_t n; int fault, error, saved, locked, short_write; const char *op, *path, *other; };

static void die(void) { REAL(syscall)(SYS_kill, getpid(), SIGKILL); for (;;) pause(); }

static int one_of(const char *op, const char *list) {
    size_t n = strlen(op);
    for (const char *at = list; (at = strstr(at, op)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return 1;
    return 0;
}

/* Whether a kernel could report this error at this call; Sweep.fits in sweep.py says the same. */
static int plausible(const char *op) {
    if (state->fault == SHORT) return one_of(op, "write");
    if (state->fault != ERROR) return 1;
    switch (state->error) {
    case ENOSPC: return one_of(op, "create write fsync fdatasync syncfs mkdir mkfifo rename link ftruncate");
    case EROFS: return one_of(op, "create write mkdir mkfifo rename link unlink rmdir fchmod fchown ftruncate");
    case EACCES: return one_of(op, "create open opendir mkdir mkfifo rename link unlink rmdir fchmod fchown");
    case EMFILE: return one_of(op, "create open opendir");
    default: return 1;
    }
}

static struct call begin(const char *op, int class, const char *path, const char *other) {
    struct call c = { .op = op, .path = path, .other = other, .saved = errno };
    if (!(state->classes & class)) return c;
    c.n = atomic_fetch_add(&state->calls, 1) + 1;
    if (state->fault && c.n >= state->at && c.n - state->at < state->count) {
        if (plausible(op)) {
            c.fault = state->fault;
            if (atomic_fetch_add(&state->hits, 1) == 0)
                snprintf(state->hit, sizeof state->hit, "%llu %s %s", (unsigned long long)c.n, op, below(path));
        }
    }
    if (c.fault == KILL_BEFORE) die();
    if (c.fault == SIGNAL) REAL(syscall)(SYS_kill, getpid(), state->signal);
    if (c.fault == ERROR) c.error = state->error;
    if (c.fault == SHORT) c.short_write = 1;
    if (state->record && strcmp(op, "flock")) {
        if (pthread_mutex_lock(&state->lock) == EOWNERDEAD) pthread_mutex_consistent(&state->lock);
        c.locked = 1;
    }
    errno = c.saved;
    return c;
}

static void note(const struct call *c, int64_t result, int fd, int64_t offset, int flags,
                 const void *data, size_t size) {
    struct record r = { .pid = getpid(), .call = c->n, .result = result, .offset = offset,
                        .error = result < 0 ? errno : 0, .flags = flags };
    struct stat st;
    int kept = errno;
    if (fd >= 0 && fstat(fd, &st) == 0) r.inode = st.st_ino;
    else if (result >= 0 && c->path && lstat(c->other ? c->other : c->path, &st) == 0) r.inode = st.st_ino;
    const char *path = c->path ? below(c->path) : "", *other = c->other ? below(c->other) : "";
    snprintf(r.op, sizeof r.op, "%s", c->op);
    r.path = strlen(path); r.other = strlen(other); r.data = size;
    r.length = (sizeof r + r.path + r.other + size + 7) & ~7u;
    uint64_t at = atomic_fetch_add(&state->log_end, r.length);
    if (at + r.length <= state->log_size) {
        char *to = (char *)state + LOG_START + at + sizeof r;
        to = mempcpy(to, path, r.path);
        to = mempcpy(to, other, r.other);
        if (size) memcpy(to, data, size);
        memcpy((char *)state + LOG_START + at, &r, sizeof r);
    }
    errno = kept;
}

static void end(struct call *c, int64_t result, int fd, int64_t offset, int flags,
                const void *data, size_t size) {
    int kept = errno;
    if (state->record) note(c, result, fd, offset, flags, data, size);
    if (c->locked) pthread_mutex_unlock(&state->lock);
    if (c->fault == KILL_AFTER) die();
    errno = kept;
}

/* Runs `expression` unless the fault replaces it. */
#define DO(c, expression) ((c).error ? (errno = (c).error, -1) : (expression))

#define BY_FD(type, name, class, parameters, arguments) \
type name parameters { \
    char p[PATH_MAX]; \
    if (!of_fd(fd, p)) return REAL(name) arguments; \
    struct call c = begin(#name, class, p, NULL); \
    type result = DO(c, REAL(name) arguments); \
    end(&c, result, fd, 0, 0, NULL, 0); \
    return result; \
}

#define BY_PATH(name, op, parameters, dir, path, arguments, flags) \
int name parameters { \
    char p[PATH_MAX]; \
    if (!of_path(dir, path, p)) return REAL(name) arguments; \
    struct call c = begin(op, CHANGES, p, NULL); \
    int result = DO(c, REAL(name) arguments); \
    end(&c, result, -1, 0, flags, NULL, 0); \
    return result; \
}

BY_PATH(mkdir, "mkdir", (const char *path, mode_t mode), AT_FDCWD, path, (path, mode), 0)
BY_PATH(mkdirat, "mkdir", (int dir, const char *path, mode_t mode), dir, path, (dir, path, mode), 0)
BY_PATH(rmdir, "rmdir", (const char *path), AT_FDCWD, path, (path), 0)
BY_PATH(unlink, "unlink", (const char *path), AT_FDCWD, path, (path), 0)
BY_PATH(remove, "remove", (const char *path), AT_FDCWD, path, (path), 0)
BY_PATH(unlinkat, flags & AT_REMOVEDIR ? "rmdir" : "unlink", (int dir, const char *path, int flags),
        dir, path, (dir, path, flags), 0)
BY_PATH(mkfifo, "mkfifo", (const char *path, mode_t mode), AT_FDCWD, path, (path, mode), 0)
BY_PATH(mkfifoat, "mkfifo", (int dir, const char *path, mode_t mode), dir, path, (dir, path, mode), 0)
BY_PATH(truncate, "truncate", (const char *path, off_t size), AT_FDCWD, path, (path, size), (int)size)
BY_FD(int, fchmod, CHANGES, (int fd, mode_t mode), (fd, mode))
BY_FD(int, fchown, CHANGES, (int fd, uid_t user, gid_t group), (fd, user, group))

/* ---------------------------------------------------------------- opening */

static int opened(const char *name, int dir, const char *path, int flags, mode_t mode) {
    char p[PATH_MAX];
    if (!of_path(dir, path, p)) return REAL(openat)(dir, path, flags, mode);
    struct call c = begin(flags & O_CREAT ? "create" : "open", flags & O_CREAT ? CHANGES : HANDLES, p, NULL);
    int fd = DO(c, REAL(openat)(dir, path, flags, mode));
    end(&c, fd, fd, 0, flags, NULL, 0);
    (void)name;
    return fd;
}

#define MODE mode_t mode = 0; \
    if (flags & (O_CREAT | __O_TMPFILE)) { va_list a; va_start(a, flags); mode = va_arg(a, mode_t); va_end(a); }

int open(const char *path, int flags, ...) { MODE return opened("open", AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened("open", AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE return opened("openat", dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE return opened("openat", dir, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened("creat", AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    char p[PATH_MAX];
    if (!of_fd(fd, p) || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) return REAL(close)(fd);
    struct call c = begin("close", HANDLES, p, NULL);
    int result = REAL(close)(fd);                     /* closed, whatever is reported: as Linux does */
    result = DO(c, result);
    end(&c, result, -1, 0, 0, NULL, 0);
    return result;
}

int flock(int fd, int operation) {
    char p[PATH_MAX];
    if (!of_fd(fd, p)) return REAL(flock)(fd, operation);
    struct call c = begin("flock", HANDLES, p, NULL);
    int result, held = starts(below(p), "running/");
    if (held && state->mutant & LOCKS_FREE) result = 0;
    else if (held && state->mutant & LOCKS_TAKEN && operation & LOCK_NB) { errno = EWOULDBLOCK; result = -1; }
    else result = DO(c, REAL(flock)(fd, operation));
    end(&c, result, fd, 0, operation, NULL, 0);
    return result;
}

/* ---------------------------------------------------------------- data */

static ssize_t wrote(int fd, const void *data, size_t size, int64_t offset) {
    char p[PATH_MAX];
    if (!of_fd(fd, p)) {
        int record = fd == 1 && state && state->record;
        struct call c = { .op = "stdout", .saved = errno };
        if (record) {
            if (pthread_mutex_lock(&state->lock) == EOWNERDEAD) pthread_mutex_consistent(&state->lock);
            note(&c, size, -1, 0, 0, data, size);       /* before: whoever reads it may act on it */
            pthread_mutex_unlock(&state->lock);
        }
        return offset < 0 ? REAL(write)(fd, data, size) : REAL(pwrite)(fd, data, size, offset);
    }
    struct call c = begin("write", CHANGES, p, NULL);
    size_t part = c.short_write && size > 1 ? size / 2 : size;
    ssize_t result = DO(c, offset < 0 ? REAL(write)(fd, data, part) : REAL(pwrite)(fd, data, part, offset));
    if (offset < 0 && result > 0 && state->record) offset = lseek(fd, 0, SEEK_CUR) - result;
    end(&c, result, fd, offset, 0, data, result > 0 && state->record ? result : 0);
    return result;
}

ssize_t write(int fd, const void *data, size_t size) { return wrote(fd, data, size, -1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return wrote(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return wrote(fd, data, size, offset); }

ssize_t writev(int fd, const struct iovec *parts, int n) {
    char p[PATH_MAX];
    if (!of_fd(fd, p)) return REAL(writev)(fd, parts, n);
    ssize_t done = 0;
    for (int i = 0; i < n; i++) {
        if (!parts[i].iov_len) continue;
        ssize_t one = wrote(fd, parts[i].iov_base, parts[i].iov_len, -1);
        if (one < 0) return done ? done : one;
        done += one;
        if ((size_t)one < parts[i].iov_len) break;
    }
    return done;
}

static int resized(int fd, off_t size) {
    char p[PATH_MAX];
    if (!of_fd(fd, p)) return REAL(ftruncate)(fd, size);
    struct call c = begin("ftruncate", CHANGES, p, NULL);
    int result = DO(c, REAL(ftruncate)(fd, size));
    end(&c, result, fd, size, 0, NULL, 0);
    return result;
}
int ftruncate(int fd, off_t size) { return resized(fd, size); }
int ftruncate64(int fd, off_t size) { return resized(fd, size); }

/* ---------------------------------------------------------------- syncing */

static int muted(const char *path) {
    const char *place = below(path);
    struct stat st;
    if (stat(path, &st) < 0) return 0;
    if (!S_ISDIR(st.st_mode))
        return state->mutant & (starts(place, "running/") ? NO_FILE_SYNC | NO_RECORD_SYNC : NO_FILE_SYNC);
    if (state->mutant & NO_FOLDER_SYNC) return 1;
    int depth = *place != 0;
    for (const char *s = place; *s; s++) depth += *s == '/';
    if (starts(place, "running")) return state->mutant & NO_CLAIM_SYNC;
    if ((starts(place, "pending") || starts(place, "retry")) && depth < 3) return state->mutant & NO_BUCKET_SYNC;
    return 0;
}

#define SYNC(name) \
int name(int fd) { \
    char p[PATH_MAX]; \
    if (!of_fd(fd, p)) return REAL(name)(fd); \
    struct call c = begin(#name, CHANGES, p, NULL); \
    int nothing = muted(p), result = DO(c, nothing ? 0 : REAL(name)(fd)); \
    end(&c, result, fd, 0, nothing, NULL, 0); \
    return result; \
}
SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)

/* ---------------------------------------------------------------- two names */

static void acknowledge_early(const char *from, const char *to) {
    if (!(state->mutant & EARLY_ACK) || !starts(below(to), "pending/")) return;
    if (!starts(below(from), "tmp/") && !starts(below(from), "ids/")) return;
    char name[512], *id, *rest;
    snprintf(name, sizeof name, "%s", strrchr(to, '/') + 1);
    if (!(id = strchr(name, '.')) || !(rest = strchr(++id, '.'))) return;
    *rest++ = '\n';
    wrote(1, id, rest - id, -1);
}

static int moved(const char *op, int from, const char *a, int to, const char *b, unsigned flags) {
    char p[PATH_MAX], q[PATH_MAX];
    int in = of_path(from, a, p) | of_path(to, b, q);
    if (!in) return flags ? REAL(renameat2)(from, a, to, b, flags) : REAL(renameat)(from, a, to, b);
    acknowledge_early(p, q);
    struct call c = begin(op, CHANGES, p, q);
    int result;
    if (state->mutant & NO_FINISH && starts(below(q), "done/")) result = 0;
    else result = DO(c, flags ? REAL(renameat2)(from, a, to, b, flags) : REAL(renameat)(from, a, to, b));
    if (state->mutant & EARLY_DELETE && result == 0 && starts(below(q), "running/")
        && (starts(below(p), "pending/") || starts(below(p), "retry/"))) REAL(unlink)(q);
    end(&c, result, -1, 0, flags, NULL, 0);
    return result;
}

int rename(const char *a, const char *b) { return moved("rename", AT_FDCWD, a, AT_FDCWD, b, 0); }
int renameat(int from, const char *a, int to, const char *b) { return moved("rename", from, a, to, b, 0); }
int renameat2(int from, const char *a, int to, const char *b, unsigned flags) {
    return moved("rename", from, a, to, b, flags);
}

static int linked(int from, const char *a, int to, const char *b, int flags) {
    char p[PATH_MAX], q[PATH_MAX];
    int in = of_path(from, a, p) | of_path(to, b, q);
    if (!in) return REAL(linkat)(from, a, to, b, flags);
    acknowledge_early(p, q);
    struct call c = begin("link", CHANGES, p, q);
    int result = DO(c, REAL(linkat)(from, a, to, b, flags));
    end(&c, result, -1, 0, flags, NULL, 0);
    return result;
}
int link(const char *a, const char *b) { return linked(AT_FDCWD, a, AT_FDCWD, b, 0); }
int linkat(int from, const char *a, int to, const char *b, int flags) { return linked(from, a, to, b, flags); }

static int symlinked(const char *target, int dir, const char *path) {
    char p[PATH_MAX];
    if (!of_path(dir, path, p)) return REAL(symlinkat)(target, dir, path);
    struct call c = begin("symlink", CHANGES, p, NULL);
    int result = DO(c, REAL(symlinkat)(target, dir, path));
    end(&c, result, -1, 0, 0, NULL, 0);
    return result;
}
int symlink(const char *target, const char *path) { return symlinked(target, AT_FDCWD, path); }
int symlinkat(const char *target, int dir, const char *path) { return symlinked(target, dir, path); }

/* ---------------------------------------------------------------- reading */

static ssize_t got(int fd, void *data, size_t size, int64_t offset) {
    char p[PATH_MAX];
    if (!state || !(state->classes & READS) || !of_fd(fd, p))
        return offset < 0 ? REAL(read)(fd, data, size) : REAL(pread)(fd, data, size, offset);
    struct call c = begin("read", READS, p, NULL);
    ssize_t result = DO(c, offset < 0 ? REAL(read)(fd, data, size) : REAL(pread)(fd, data, size, offset));
    end(&c, result, fd, offset, 0, NULL, 0);
    return result;
}
ssize_t read(int fd, void *data, size_t size) { return got(fd, data, size, -1); }
ssize_t pread(int fd, void *data, size_t size, off_t offset) { return got(fd, data, size, offset); }
ssize_t pread64(int fd, void *data, size_t size, off_t offset) { return got(fd, data, size, offset); }

DIR *fdopendir(int fd) {
    char p[PATH_MAX];
    if (!state || !(state->classes & READS) || !of_fd(fd, p)) return REAL(fdopendir)(fd);
    struct call c = begin("opendir", READS, p, NULL);
    if (c.error) { end(&c, -1, fd, 0, 0, NULL, 0); errno = c.error; return NULL; }
    DIR *result = REAL(fdopendir)(fd);
    end(&c, result ? 0 : -1, fd, 0, 0, NULL, 0);
    return result;
}

DIR *opendir(const char *path) {
    char p[PATH_MAX];
    if (!state || !(state->classes & READS) || !of_path(AT_FDCWD, path, p)) return REAL(opendir)(path);
    struct call c = begin("opendir", READS, p, NULL);
    if (c.error) { end(&c, -1, -1, 0, 0, NULL, 0); errno = c.error; return NULL; }
    DIR *result = REAL(opendir)(path);
    end(&c, result ? 0 : -1, -1, 0, 0, NULL, 0);
    return result;
}

#define READDIR(type, name) \
type *name(DIR *folder) { \
    char p[PATH_MAX]; \
    int fd = dirfd(folder); \
    if (!state || !(state->classes & READS) || !of_fd(fd, p)) return REAL(name)(folder); \
    struct call c = begin("readdir", READS, p, NULL); \
    if (c.error) { end(&c, -1, fd, 0, 0, NULL, 0); errno = c.error; return NULL; } \
    type *result = REAL(name)(folder); \
    end(&c, result ? 1 : 0, fd, 0, 0, NULL, 0); \
    return result; \
}
READDIR(struct dirent, readdir)
READDIR(struct dirent64, readdir64)

/* ---------------------------------------------------------------- what the replayer must not miss */

static void *mapped(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    char p[PATH_MAX];
    void *result = REAL(mmap)(at, size, protection, flags, fd, offset);
    if (fd >= 0 && state && state->record && flags & MAP_SHARED && protection & PROT_WRITE && of_fd(fd, p)) {
        struct call c = { .op = "mmap", .path = p, .saved = errno };
        note(&c, 0, fd, offset, 0, NULL, 0);
    }
    return result;
}
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    return mapped(at, size, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    return mapped(at, size, protection, flags, fd, offset);
}

static void unknown(const char *op, int fd) {
    char p[PATH_MAX];
    if (!state || !state->record || !of_fd(fd, p)) return;
    struct call c = { .op = op, .path = p, .saved = errno };
    note(&c, 0, fd, 0, 0, NULL, 0);
}
ssize_t copy_file_range(int in, off64_t *a, int out, off64_t *b, size_t size, unsigned flags) {
    unknown("copy_file_range", out);
    return REAL(copy_file_range)(in, a, out, b, size, flags);
}
ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    unknown("sendfile", out);
    return ((ssize_t (*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile"))(out, in, offset, size);
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
    unknown("sendfile", out);
    return ((ssize_t (*)(int, int, off64_t *, size_t))dlsym(RTLD_NEXT, "sendfile64"))(out, in, offset, size);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
    unknown("fallocate", fd);
    return REAL(fallocate)(fd, mode, offset, size);
}
int posix_fallocate(int fd, off_t offset, off_t size) {
    unknown("fallocate", fd);
    return REAL(posix_fallocate)(fd, offset, size);
}
int posix_fallocate64(int fd, off64_t offset, off64_t size) {
    unknown("fallocate", fd);
    return REAL(posix_fallocate64)(fd, offset, size);
}

/* A program that calls renameat2 by its number is seen all the same. */
long syscall(long number, ...) {
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_renameat2 && state)
        return renameat2(a[0], (char *)a[1], a[2], (char *)a[3], a[4]);
    return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---------------------------------------------------------------- the clock */

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = REAL(clock_gettime)(clock, now);
    if (result == 0 && state && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + state->clock_ns;
        now->tv_sec = ns / 1000000000;
        now->tv_nsec = ns % 1000000000;
        if (now->tv_nsec < 0) { now->tv_nsec += 1000000000; now->tv_sec--; }
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec t;
    if (zone) memset(zone, 0, sizeof(struct timezone));
    clock_gettime(CLOCK_REALTIME, &t);
    now->tv_sec = t.tv_sec;
    now->tv_usec = t.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}
