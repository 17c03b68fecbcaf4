#include "CZlib.h"

// zlib compares the first character of the version, and the size, with its own.
#define VERSION "1"

int martlet_deflate_begin(martlet_z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2_(
        stream, level, MARTLET_Z_DEFLATED, -window_bits, memory_level, 0, VERSION, (int)sizeof(*stream));
}

int martlet_inflate_begin(martlet_z_stream *stream) {
    return inflateInit2_(stream, -15, VERSION, (int)sizeof(*stream));
}

int martlet_gunzip_begin(martlet_z_stream *stream) {
    return inflateInit2_(stream, 15 + 16, VERSION, (int)sizeof(*stream));
}
