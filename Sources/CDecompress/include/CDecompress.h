// Reads messages that another server has compressed: gzip, bzip2, Zstandard, and Dovecot's own framing of LZ4; and
// compresses with Zstandard.
//
// zlib is linked; the others are opened when the first message of their kind is read, by the names that their
// packages give the libraries at run time, so that neither their headers nor their presence is needed.
#ifndef MARTLET_CDECOMPRESS_H
#define MARTLET_CDECOMPRESS_H
#include <stddef.h>

enum {
    MARTLET_PLAIN = 0,
    MARTLET_GZIP = 1,
    MARTLET_BZIP2 = 2,
    MARTLET_ZSTD = 3,
    MARTLET_LZ4 = 4,
};

/// Octets that tell one kind from another.
#define MARTLET_MAGIC_LENGTH 18

/// What kind of stream begins with these octets.
int martlet_compression_kind(const unsigned char *start, size_t count);

typedef struct martlet_decompressor martlet_decompressor;

/// Why there is no decompressor.
enum {
    MARTLET_NO_MEMORY = 1,
    MARTLET_NO_LIBRARY = 2,
};

/// A decompressor for one stream; NULL with the reason in `why`. For one thread at a time.
martlet_decompressor *martlet_decompressor_make(int kind, int *why);
void martlet_decompressor_free(martlet_decompressor *decompressor);

enum {
    /// More input is wanted, or there is more output.
    MARTLET_MORE = 0,
    /// The stream is whole; what input is left may begin another. LZ4 has no mark for its end.
    MARTLET_END = 1,
    MARTLET_DAMAGED = -1,
};

/// Takes up to `in_count` octets and gives up to `out_count`, at least 65,536; says how many of each.
int martlet_decompress(
    martlet_decompressor *decompressor, const unsigned char *in, size_t in_count, size_t *in_used, unsigned char *out,
    size_t out_count, size_t *out_made);

/// Whether the input may end here although no end was marked.
int martlet_decompressor_may_end(const martlet_decompressor *decompressor);

/// Whether Zstandard's library is there: what follows needs it, and answers 0 without.
int martlet_zstd_is_there(void);
/// The most octets that so many can become.
size_t martlet_zstd_bound(size_t count);
/// Compresses into one frame; answers its octets, 0 when that failed.
size_t martlet_zstd_pack(
    unsigned char *out, size_t out_count, const unsigned char *in, size_t in_count, int level);
/// Decompresses frames that hold exactly `out_count` octets; 0 for any others.
int martlet_zstd_unpack(unsigned char *out, size_t out_count, const unsigned char *in, size_t in_count);

/// The file name of the library that a kind needs.
const char *martlet_compression_library(int kind);
#endif
