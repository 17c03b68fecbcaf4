#define _GNU_SOURCE
#include "CDecompress.h"

#include <CZlib.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char lz4_magic[13] = "Dovecot-LZ4\x0d\x2a";
static const unsigned char lz4_magic_end[2] = {0x9b, 0xc5};
// Magic, then the size of the largest uncompressed chunk.
#define LZ4_MAGIC_LENGTH 15
#define LZ4_HEADER_LENGTH (LZ4_MAGIC_LENGTH + 4)
#define LZ4_LARGEST_CHUNK (4u << 20)
// The longest: magic, descriptor, window, dictionary, size.
#define ZSTD_HEADER_LENGTH 18

int martlet_compression_kind(const unsigned char *start, size_t count) {
    if (count >= 3 && start[0] == 0x1f && start[1] == 0x8b && start[2] == 8) return MARTLET_GZIP;
    // "BZh" alone can begin a line of text; behind it are the size and the mark of a block, or of the end.
    if (count >= 10 && memcmp(start, "BZh", 3) == 0 && start[3] >= '1' && start[3] <= '9' &&
        (memcmp(start + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 || memcmp(start + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0))
        return MARTLET_BZIP2;
    if (count >= 4 && memcmp(start, "\x28\xb5\x2f\xfd", 4) == 0) return MARTLET_ZSTD;
    if (count >= LZ4_MAGIC_LENGTH && memcmp(start, lz4_magic, 13) == 0 && memcmp(start + 13, lz4_magic_end, 2) == 0)
        return MARTLET_LZ4;
    return MARTLET_PLAIN;
}

// MARK: Libraries

// bzlib.h
struct bz_stream {
    const char *next_in;
    unsigned int avail_in;
    unsigned int total_in_low;
    unsigned int total_in_high;
    char *next_out;
    unsigned int avail_out;
    unsigned int total_out_low;
    unsigned int total_out_high;
    void *state;
    void *(*allocate)(void *, int, int);
    void (*release)(void *, void *);
    void *opaque;
};

// zstd.h
struct zstd_in {
    const void *src;
    size_t size;
    size_t pos;
};
struct zstd_out {
    void *dst;
    size_t size;
    size_t pos;
};

static struct {
    int (*bz_begin)(struct bz_stream *, int verbosity, int small);
    int (*bz_run)(struct bz_stream *);
    int (*bz_end)(struct bz_stream *);
    void *(*zstd_make)(void);
    size_t (*zstd_free)(void *);
    size_t (*zstd_run)(void *, struct zstd_out *, struct zstd_in *);
    unsigned (*zstd_is_error)(size_t);
    unsigned long long (*zstd_size)(const void *, size_t);
    size_t (*zstd_bound)(size_t);
    size_t (*zstd_pack)(void *, size_t, const void *, size_t, int);
    size_t (*zstd_unpack)(void *, size_t, const void *, size_t);
    int (*lz4_run)(const char *, char *, int, int);
} library;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static int is_open[5];

const char *martlet_compression_library(int kind) {
    switch (kind) {
    case MARTLET_GZIP: return "libz.so.1";
    case MARTLET_BZIP2: return "libbz2.so.1.0";
    case MARTLET_ZSTD: return "libzstd.so.1";
    case MARTLET_LZ4: return "liblz4.so.1";
    default: return "";
    }
}

static int open_library(int kind) {
    if (kind == MARTLET_GZIP) return 1;
    pthread_mutex_lock(&opening);
    if (!is_open[kind]) {
        void *handle = dlopen(martlet_compression_library(kind), RTLD_NOW | RTLD_LOCAL);
        // bzip2's own name for it, where a distribution does not give Debian's.
        if (handle == NULL && kind == MARTLET_BZIP2) handle = dlopen("libbz2.so.1", RTLD_NOW | RTLD_LOCAL);
        if (handle != NULL) {
            switch (kind) {
            case MARTLET_BZIP2:
                library.bz_begin = (int (*)(struct bz_stream *, int, int))dlsym(handle, "BZ2_bzDecompressInit");
                library.bz_run = (int (*)(struct bz_stream *))dlsym(handle, "BZ2_bzDecompress");
                library.bz_end = (int (*)(struct bz_stream *))dlsym(handle, "BZ2_bzDecompressEnd");
                is_open[kind] = library.bz_begin && library.bz_run && library.bz_end;
                break;
            case MARTLET_ZSTD:
                library.zstd_make = (void *(*)(void))dlsym(handle, "ZSTD_createDStream");
                library.zstd_free = (size_t (*)(void *))dlsym(handle, "ZSTD_freeDStream");
                library.zstd_run =
                    (size_t (*)(void *, struct zstd_out *, struct zstd_in *))dlsym(handle, "ZSTD_decompressStream");
                library.zstd_is_error = (unsigned (*)(size_t))dlsym(handle, "ZSTD_isError");
                library.zstd_size =
                    (unsigned long long (*)(const void *, size_t))dlsym(handle, "ZSTD_getFrameContentSize");
                library.zstd_bound = (size_t (*)(size_t))dlsym(handle, "ZSTD_compressBound");
                library.zstd_pack =
                    (size_t (*)(void *, size_t, const void *, size_t, int))dlsym(handle, "ZSTD_compress");
                library.zstd_unpack = (size_t (*)(void *, size_t, const void *, size_t))dlsym(handle, "ZSTD_decompress");
                is_open[kind] = library.zstd_make && library.zstd_free && library.zstd_run && library.zstd_is_error
                    && library.zstd_size && library.zstd_bound && library.zstd_pack && library.zstd_unpack;
                break;
            case MARTLET_LZ4:
                library.lz4_run = (int (*)(const char *, char *, int, int))dlsym(handle, "LZ4_decompress_safe");
                is_open[kind] = library.lz4_run != NULL;
                break;
            }
            // Kept open for the process's life, unless it is of no use.
            if (!is_open[kind]) dlclose(handle);
        }
    }
    int result = is_open[kind];
    pthread_mutex_unlock(&opening);
    return result;
}

// MARK: Streams

struct martlet_decompressor {
    int kind;
    // What follows damage has no meaning, and the state may be half of one.
    int is_damaged;
    martlet_z_stream zlib;
    struct bz_stream bzip2;
    struct {
        void *stream;
        // The header of the frame, as far as it has come, and what the frame has given.
        unsigned char start[ZSTD_HEADER_LENGTH];
        size_t start_count;
        unsigned long long given;
    } zstd;
    struct {
        // A header or the length of a chunk, as far as it has come.
        unsigned char start[LZ4_HEADER_LENGTH];
        size_t start_count;
        size_t largest;
        // A chunk: compressed as far as it has come, and what is left of it to give.
        unsigned char *in;
        size_t in_count, in_wanted;
        unsigned char *out;
        size_t out_count, out_given;
        int has_header;
    } lz4;
};

martlet_decompressor *martlet_decompressor_make(int kind, int *why) {
    *why = MARTLET_NO_LIBRARY;
    if (kind < MARTLET_GZIP || kind > MARTLET_LZ4 || !open_library(kind)) return NULL;
    *why = MARTLET_NO_MEMORY;
    martlet_decompressor *made = calloc(1, sizeof(*made));
    if (made == NULL) return NULL;
    made->kind = kind;
    int is_ready = 1;
    switch (kind) {
    case MARTLET_GZIP: is_ready = martlet_gunzip_begin(&made->zlib) == MARTLET_Z_OK; break;
    case MARTLET_BZIP2: is_ready = library.bz_begin(&made->bzip2, 0, 0) == 0; break;
    // Windows above 128 MiB are refused by the library itself.
    case MARTLET_ZSTD: is_ready = (made->zstd.stream = library.zstd_make()) != NULL; break;
    }
    if (is_ready) return made;
    free(made);
    return NULL;
}

void martlet_decompressor_free(martlet_decompressor *d) {
    if (d == NULL) return;
    switch (d->kind) {
    case MARTLET_GZIP: inflateEnd(&d->zlib); break;
    case MARTLET_BZIP2: library.bz_end(&d->bzip2); break;
    case MARTLET_ZSTD: library.zstd_free(d->zstd.stream); break;
    case MARTLET_LZ4:
        free(d->lz4.in);
        free(d->lz4.out);
        break;
    }
    free(d);
}

static int run_gzip(
    martlet_decompressor *d, const unsigned char *in, size_t in_count, size_t *in_used, unsigned char *out,
    size_t out_count, size_t *out_made) {
    d->zlib.next_in = in;
    d->zlib.avail_in = (unsigned int)in_count;
    d->zlib.next_out = out;
    d->zlib.avail_out = (unsigned int)out_count;
    int result = inflate(&d->zlib, MARTLET_Z_NO_FLUSH);
    *in_used = in_count - d->zlib.avail_in;
    *out_made = out_count - d->zlib.avail_out;
    if (result == MARTLET_Z_STREAM_END) return MARTLET_END;
    // Nothing to do for want of input or room is no damage.
    return result == MARTLET_Z_OK || result == MARTLET_Z_BUF_ERROR ? MARTLET_MORE : MARTLET_DAMAGED;
}

static int run_bzip2(
    martlet_decompressor *d, const unsigned char *in, size_t in_count, size_t *in_used, unsigned char *out,
    size_t out_count, size_t *out_made) {
    d->bzip2.next_in = (const char *)in;
    d->bzip2.avail_in = (unsigned int)in_count;
    d->bzip2.next_out = (char *)out;
    d->bzip2.avail_out = (unsigned int)out_count;
    int result = library.bz_run(&d->bzip2);
    *in_used = in_count - d->bzip2.avail_in;
    *out_made = out_count - d->bzip2.avail_out;
    return result == 4 ? MARTLET_END : result == 0 ? MARTLET_MORE : MARTLET_DAMAGED;
}

// What the library answers for a frame that does not tell its size.
#define ZSTD_NO_SIZE ((unsigned long long)-1)

static int run_zstd(
    martlet_decompressor *d, const unsigned char *in, size_t in_count, size_t *in_used, unsigned char *out,
    size_t out_count, size_t *out_made) {
    // The magic number by itself: with a whole frame at its first call the library takes a way of its own, which lets pass
    // what it finds damaged in pieces.
    size_t magic = d->zstd.start_count < 4 ? 4 - d->zstd.start_count : in_count;
    struct zstd_in from = {in, in_count < magic ? in_count : magic, 0};
    struct zstd_out to = {out, out_count, 0};
    size_t result = library.zstd_run(d->zstd.stream, &to, &from);
    *in_used = from.pos;
    *out_made = to.pos;
    if (library.zstd_is_error(result)) return MARTLET_DAMAGED;
    size_t missing = ZSTD_HEADER_LENGTH - d->zstd.start_count, taken = from.pos < missing ? from.pos : missing;
    if (taken > 0) memcpy(d->zstd.start + d->zstd.start_count, in, taken);
    d->zstd.start_count += taken;
    d->zstd.given += to.pos;
    if (result != 0) return MARTLET_MORE;
    // A stream that comes in pieces is not held to its size by the library when its last block is empty.
    unsigned long long size = library.zstd_size(d->zstd.start, d->zstd.start_count);
    return size == ZSTD_NO_SIZE || size == d->zstd.given ? MARTLET_END : MARTLET_DAMAGED;
}

static size_t big_endian(const unsigned char *bytes) {
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/// Takes what is missing of `wanted` octets at the start of something; whether they are all there.
static int take_start(
    martlet_decompressor *d, size_t wanted, const unsigned char *in, size_t in_count, size_t *in_used) {
    size_t missing = wanted - d->lz4.start_count, left = in_count - *in_used;
    size_t taken = missing < left ? missing : left;
    memcpy(d->lz4.start + d->lz4.start_count, in + *in_used, taken);
    d->lz4.start_count += taken;
    *in_used += taken;
    return d->lz4.start_count == wanted;
}

static int begin_lz4(martlet_decompressor *d) {
    d->lz4.largest = big_endian(d->lz4.start + LZ4_MAGIC_LENGTH);
    if (martlet_compression_kind(d->lz4.start, LZ4_MAGIC_LENGTH) != MARTLET_LZ4 || d->lz4.largest == 0 ||
        d->lz4.largest > LZ4_LARGEST_CHUNK)
        return 0;
    d->lz4.in = malloc(d->lz4.largest + d->lz4.largest / 255 + 16);
    d->lz4.out = malloc(d->lz4.largest);
    d->lz4.has_header = 1;
    return d->lz4.in != NULL && d->lz4.out != NULL;
}

static int run_lz4(
    martlet_decompressor *d, const unsigned char *in, size_t in_count, size_t *in_used, unsigned char *out,
    size_t out_count, size_t *out_made) {
    *in_used = *out_made = 0;
    for (;;) {
        if (d->lz4.out_given < d->lz4.out_count) {
            size_t left = d->lz4.out_count - d->lz4.out_given, room = out_count - *out_made;
            size_t given = left < room ? left : room;
            memcpy(out + *out_made, d->lz4.out + d->lz4.out_given, given);
            d->lz4.out_given += given;
            *out_made += given;
            if (d->lz4.out_given < d->lz4.out_count) return MARTLET_MORE;
        }
        if (!d->lz4.has_header) {
            if (!take_start(d, LZ4_HEADER_LENGTH, in, in_count, in_used)) return MARTLET_MORE;
            d->lz4.start_count = 0;
            if (!begin_lz4(d)) return MARTLET_DAMAGED;
        }
        if (d->lz4.in_wanted == 0) {
            if (!take_start(d, 4, in, in_count, in_used)) return MARTLET_MORE;
            d->lz4.start_count = 0;
            d->lz4.in_count = 0;
            size_t wanted = big_endian(d->lz4.start);
            if (wanted == 0 || wanted > d->lz4.largest + d->lz4.largest / 255 + 16) return MARTLET_DAMAGED;
            // Only a length that fits: what comes is copied without asking again.
            d->lz4.in_wanted = wanted;
        }
        size_t missing = d->lz4.in_wanted - d->lz4.in_count, left = in_count - *in_used;
        size_t taken = missing < left ? missing : left;
        memcpy(d->lz4.in + d->lz4.in_count, in + *in_used, taken);
        d->lz4.in_count += taken;
        *in_used += taken;
        if (d->lz4.in_count < d->lz4.in_wanted) return MARTLET_MORE;
        int made = library.lz4_run(
            (const char *)d->lz4.in, (char *)d->lz4.out, (int)d->lz4.in_wanted, (int)d->lz4.largest);
        if (made < 0) return MARTLET_DAMAGED;
        d->lz4.in_wanted = 0;
        d->lz4.out_count = (size_t)made;
        d->lz4.out_given = 0;
    }
}

int martlet_decompress(
    martlet_decompressor *d, const unsigned char *in, size_t in_count, size_t *in_used, unsigned char *out,
    size_t out_count, size_t *out_made) {
    *in_used = *out_made = 0;
    if (d->is_damaged || in_count > INT32_MAX || out_count > INT32_MAX) return MARTLET_DAMAGED;
    int result = MARTLET_DAMAGED;
    switch (d->kind) {
    case MARTLET_GZIP: result = run_gzip(d, in, in_count, in_used, out, out_count, out_made); break;
    case MARTLET_BZIP2: result = run_bzip2(d, in, in_count, in_used, out, out_count, out_made); break;
    case MARTLET_ZSTD: result = run_zstd(d, in, in_count, in_used, out, out_count, out_made); break;
    case MARTLET_LZ4: result = run_lz4(d, in, in_count, in_used, out, out_count, out_made); break;
    }
    if (result == MARTLET_DAMAGED) d->is_damaged = 1;
    return result;
}

int martlet_decompressor_may_end(const martlet_decompressor *d) {
    return d->kind == MARTLET_LZ4 && !d->is_damaged && d->lz4.has_header && d->lz4.in_wanted == 0 && d->lz4.start_count == 0 &&
           d->lz4.out_given == d->lz4.out_count;
}

// MARK: Whole frames

int martlet_zstd_is_there(void) { return open_library(MARTLET_ZSTD); }

size_t martlet_zstd_bound(size_t count) { return open_library(MARTLET_ZSTD) ? library.zstd_bound(count) : 0; }

size_t martlet_zstd_pack(unsigned char *out, size_t out_count, const unsigned char *in, size_t in_count, int level) {
    if (!open_library(MARTLET_ZSTD)) return 0;
    size_t made = library.zstd_pack(out, out_count, in, in_count, level);
    return library.zstd_is_error(made) ? 0 : made;
}

int martlet_zstd_unpack(unsigned char *out, size_t out_count, const unsigned char *in, size_t in_count) {
    if (!open_library(MARTLET_ZSTD)) return 0;
    size_t made = library.zstd_unpack(out, out_count, in, in_count);
    return !library.zstd_is_error(made) && made == out_count;
}
