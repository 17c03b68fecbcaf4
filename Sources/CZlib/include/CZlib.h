// What raw DEFLATE needs of zlib, whose binary interface has been the same since 1.0. Declared here because every Debian
// has the library (libz.so.1), while its header is a package of its own.
#ifndef MARTLET_CZLIB_H
#define MARTLET_CZLIB_H
#include <stddef.h>

typedef struct martlet_z_stream {
    const unsigned char *next_in;
    unsigned int avail_in;
    unsigned long total_in;
    unsigned char *next_out;
    unsigned int avail_out;
    unsigned long total_out;
    const char *msg;
    void *state;
    void *(*zalloc)(void *opaque, unsigned int items, unsigned int size);
    void (*zfree)(void *opaque, void *address);
    void *opaque;
    int data_type;
    unsigned long adler;
    unsigned long reserved;
} martlet_z_stream;

#define MARTLET_Z_NO_FLUSH 0
#define MARTLET_Z_SYNC_FLUSH 2
#define MARTLET_Z_FINISH 4
#define MARTLET_Z_BLOCK 5
#define MARTLET_Z_OK 0
#define MARTLET_Z_STREAM_END 1
#define MARTLET_Z_BUF_ERROR (-5)
#define MARTLET_Z_DEFLATED 8

int deflateInit2_(
    martlet_z_stream *stream, int level, int method, int window_bits, int memory_level, int strategy,
    const char *version, int stream_size);
int deflate(martlet_z_stream *stream, int flush);
int deflateEnd(martlet_z_stream *stream);
int inflateInit2_(martlet_z_stream *stream, int window_bits, const char *version, int stream_size);
int inflate(martlet_z_stream *stream, int flush);
int inflateEnd(martlet_z_stream *stream);
int inflateGetDictionary(martlet_z_stream *stream, unsigned char *dictionary, unsigned int *length);
int inflateSetDictionary(martlet_z_stream *stream, const unsigned char *dictionary, unsigned int length);

/// deflateInit2 for raw DEFLATE; the stream is to be zero.
int martlet_deflate_begin(martlet_z_stream *stream, int level, int window_bits, int memory_level);
/// inflateInit2 for raw DEFLATE with the largest window; the stream is to be zero.
int martlet_inflate_begin(martlet_z_stream *stream);
/// inflateInit2 for the gzip format, its header and checksum; the stream is to be zero.
int martlet_gunzip_begin(martlet_z_stream *stream);
#endif
