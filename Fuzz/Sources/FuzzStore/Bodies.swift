import CDecompress
import Glibc
@testable import MIMECore
@testable import MailStore
@testable import MaildirFormat

/// Compressed bodies: any octets end, in their text or in damage, and the same however the stream is cut. No call gives
/// more than it was asked for.
func fuzzDecompress(_ input: FuzzInput) {
    var input = input
    let cut = 1 + input.number(below: 300)
    let octets = input.octets
    guard Decompressor.Kind(octets) != nil else { return }
    let whole = decompressed(octets, step: octets.count)
    let pieces = decompressed(octets, step: cut)
    need(pieces.octets.starts(with: whole.octets) || whole.octets.starts(with: pieces.octets), "other octets in pieces")
    if whole.isDamaged || pieces.isDamaged {
        need(!whole.isWhole && !pieces.isWhole, "whole and damaged")
    }
    // Of what is longer than the bound nobody saw the end. How much comes before damage is noticed depends on the pieces.
    if !whole.isCut, !pieces.isCut {
        same(pieces.isDamaged, whole.isDamaged, "damage in pieces")
        same(pieces.isWhole, whole.isWhole, "an end in pieces")
        need(whole.isDamaged || pieces.octets.count == whole.octets.count, "less in pieces")
    }

    // As a mailbox reads it: from a file, stream behind stream.
    let descriptor = unnamedFile(octets)
    defer { close(descriptor) }
    let path = RelativePath("fuzz")
    guard let kind = Decompressor.Kind(octets), var reader = try? Decompressor(kind, descriptor, path) else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    defer { buffer.deallocate() }
    var total = 0
    while total < maximum {
        guard let piece = try? reader.next(buffer, path) else { return }
        guard case .octets(let count) = piece else { break }
        need(count > 0 && count <= buffer.count)
        total += count
    }
    need(total >= min(maximum, whole.octets.count), "less from a file")
}

private let maximum = 4 << 20

private struct Outcome {
    var octets: [UInt8] = []
    var isDamaged = false
    var isWhole = false
    /// There may be more.
    var isCut: Bool { self.octets.count >= maximum }
}

private func decompressed(_ octets: [UInt8], step: Int) -> Outcome {
    var why: CInt = 0
    guard let stream = martlet_decompressor_make(martlet_compression_kind(octets, octets.count), &why) else {
        return Outcome()
    }
    defer { martlet_decompressor_free(stream) }
    var out = Outcome()
    var position = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var result = CInt(MARTLET_MORE)
    while result == CInt(MARTLET_MORE), !out.isCut {
        let count = min(max(1, step), octets.count - position)
        var used = 0
        var made = 0
        result = octets.withUnsafeBytes { bytes in
            martlet_decompress(
                stream, bytes.baseAddress?.advanced(by: position).assumingMemoryBound(to: UInt8.self), count, &used,
                &buffer, buffer.count, &made)
        }
        need(used <= count && made <= buffer.count, "more than there is")
        position += used
        out.octets += buffer[..<made]
        if used == 0, made == 0 { break }
    }
    out.isDamaged = result == CInt(MARTLET_DAMAGED)
    out.isWhole = result == CInt(MARTLET_END) || martlet_decompressor_may_end(stream) != 0
    return out
}

private let charsets = [
    "utf-16", "utf-16le", "utf-32", "utf-7", "gb2312", "gbk", "gb18030", "big5", "shift_jis", "euc-jp", "iso-2022-jp",
    "iso-2022-kr", "euc-kr", "ks_c_5601-1987", "hz-gb-2312", "tis-620", "windows-874", "macintosh", "cp437", "ucs-4",
].map { Array($0.utf8) }

/// Charsets of the C library: always UTF-8, a small multiple of what there was, and the same twice.
func fuzzIconv(_ input: FuzzInput) {
    var input = input
    let charset = charsets[input.number(below: charsets.count)]
    let octets = input.octets
    guard let text = CharsetConverter.system.convert(octets, charset: charset) else { return }
    need(UTF8Text.isValid(text) && text.count <= 8 * octets.count + 16, "\(text.count) of \(octets.count)")
    same(CharsetConverter.system.convert(octets, charset: charset), text, "the same text again")
}
