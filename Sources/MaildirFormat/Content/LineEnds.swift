import Glibc

/// Line ends between the wire form of a message (CRLF) and the form most Maildirs hold (LF).
///
/// Only the octet before a LF is ever added or taken away; a lone CR, NUL and 8-bit octets pass untouched.
enum LineEnds {
    static let carriageReturn: UInt8 = 0x0D
    static let lineFeed: UInt8 = 0x0A

    /// What a message's line ends look like.
    struct Census: Equatable {
        /// CR LF pairs.
        var pairs = 0
        /// LF that no CR precedes.
        var bareLineFeeds = 0
        /// Whether CR CR LF occurs: with LF line ends on disk it would come back one octet shorter.
        var hasDoubledReturn = false
    }

    static func census(_ bytes: UnsafeRawBufferPointer) -> Census {
        var census = Census()
        var from = 0
        while let position = self.nextLineFeed(bytes, from) {
            if position > 0, bytes[position - 1] == self.carriageReturn {
                census.pairs += 1
                if position > 1, bytes[position - 2] == self.carriageReturn { census.hasDoubledReturn = true }
            } else {
                census.bareLineFeeds += 1
            }
            from = position + 1
        }
        return census
    }

    /// Moves what begins at `start` to the front, with a CR before each bare LF. Answers how many octets it is then; `nil`,
    /// with the buffer's content lost, when what is before `start` is not room enough.
    static func expand(_ bytes: UnsafeMutableBufferPointer<UInt8>, from start: Int) -> Int? {
        guard let base = bytes.baseAddress else { return 0 }
        let source = UnsafeRawBufferPointer(bytes)
        var from = start
        var filled = 0
        while let position = self.nextLineFeed(source, from) {
            let length = position - from
            // Before an LF at `from` is another one, or nothing.
            let hasReturn = length > 0 && bytes[position - 1] == self.carriageReturn
            let end = filled + length + (hasReturn ? 1 : 2)
            // What is not read yet stays.
            guard end <= position + 1 else { return nil }
            memmove(base + filled, base + from, length)
            if !hasReturn { base[end - 2] = self.carriageReturn }
            base[end - 1] = self.lineFeed
            filled = end
            from = position + 1
        }
        memmove(base + filled, base + from, bytes.count - from)
        return filled + bytes.count - from
    }

    /// A whole message with a CR before each bare LF; `bytes` itself when there is none.
    static func expanded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { source -> [UInt8]? in
            guard let base = source.baseAddress, var found = self.nextLineFeed(source, 0) else { return nil }
            while found > 0, source[found - 1] == self.carriageReturn {
                guard let next = self.nextLineFeed(source, found + 1) else { return nil }
                found = next
            }
            // Room for lines of 32 octets, which mails seldom fall short of.
            let room = source.count + source.count / 32 + 64
            var fits = true
            let octets = [UInt8](unsafeUninitializedCapacity: room) { target, filled in
                guard let out = target.baseAddress else { return fits = false }
                var start = 0
                var next: Int? = found
                while let position = next {
                    let hasReturn = position > 0 && source[position - 1] == self.carriageReturn
                    if !hasReturn {
                        let length = position - start
                        guard filled + length + 2 <= room else { return fits = false }
                        memcpy(out + filled, base + start, length)
                        filled += length
                        out[filled] = self.carriageReturn
                        out[filled + 1] = self.lineFeed
                        filled += 2
                        start = position + 1
                    }
                    next = self.nextLineFeed(source, position + 1)
                }
                guard filled + source.count - start <= room else { return fits = false }
                memcpy(out + filled, base + start, source.count - start)
                filled += source.count - start
            }
            if fits { return octets }
            var longer: [UInt8] = []
            longer.reserveCapacity(source.count + self.census(source).bareLineFeeds)
            self.expand(source, into: &longer)
            return longer
        } ?? bytes
    }

    /// Where the next LF at or after `from` stands.
    static func nextLineFeed(_ bytes: UnsafeRawBufferPointer, _ from: Int) -> Int? {
        guard let base = bytes.baseAddress, from < bytes.count,
            let hit = memchr(base + from, CInt(self.lineFeed), bytes.count - from)
        else { return nil }
        return UnsafeRawPointer(hit) - base
    }

    /// Appends `bytes` without the CR of each CR LF.
    static func strip(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        var start = 0
        var from = 0
        while let position = self.nextLineFeed(bytes, from) {
            if position > start, bytes[position - 1] == self.carriageReturn {
                out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<position - 1]))
                start = position
            }
            from = position + 1
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<bytes.count]))
    }

    /// Appends `bytes` with a CR before each bare LF. `precededByReturn`: whether a CR came right before them.
    static func expand(
        _ bytes: UnsafeRawBufferPointer, precededByReturn: Bool = false, into out: inout [UInt8]
    ) {
        var start = 0
        var from = 0
        while let position = self.nextLineFeed(bytes, from) {
            let hasReturn = position > 0 ? bytes[position - 1] == self.carriageReturn : precededByReturn
            if !hasReturn {
                out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
                out.append(self.carriageReturn)
                start = position
            }
            from = position + 1
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<bytes.count]))
    }

    /// The largest cut at or below `limit` of `bytes` from `start` that separates no CR from its LF.
    static func cut(_ bytes: UnsafeRawBufferPointer, from start: Int, limit: Int) -> Int {
        let end = min(bytes.count, start + limit)
        guard end < bytes.count, end > start + 1, bytes[end - 1] == self.carriageReturn else { return end }
        return end - 1
    }
}
