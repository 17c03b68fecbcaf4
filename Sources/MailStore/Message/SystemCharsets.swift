import Glibc
public import MIMECore
import MailCore
import Synchronization

extension CharsetConverter {
    /// With the charsets that the C library's iconv knows beside those that are built in. Safe to use from any thread.
    public static let system = CharsetConverter { SystemCharsets.shared.convert($0, charset: $1) }
}

/// Conversions by iconv, kept open for the next text in the same charset.
final class SystemCharsets: Sendable {
    static let shared = SystemCharsets()

    /// A conversion descriptor.
    private struct Conversion: @unchecked Sendable {
        // Only whoever took it out of `idle` uses it.
        let handle: iconv_t
    }

    private struct State {
        var idle: [[UInt8]: [Conversion]] = [:]
        /// Names that iconv does not know: messages name them again and again.
        var unknown: Set<[UInt8]> = []
    }

    private static let maximumNames = 64
    private static let maximumIdle = 4
    private static let maximumUnknown = 1024
    private static let maximumName = 40

    private let state = Mutex(State())

    /// The text as UTF-8, U+FFFD for what means nothing; `nil` for a charset that iconv does not know. Linear time;
    /// the answer has at most a small multiple of the octets given.
    ///
    /// - Parameter charset: in lower case.
    func convert(_ octets: [UInt8], charset: [UInt8]) -> [UInt8]? {
        guard let name = Self.systemName(charset, octets) else { return nil }
        guard let conversion = self.take(name) else { return nil }
        defer { self.put(conversion, name) }
        let text = Self.run(conversion.handle, octets, unit: Self.unit(name))
        // Of UCS-4, iconv makes sequences that are not UTF-8.
        return UTF8Text.isValid(text) ? text : CharsetConverter.builtIn.convert(text, charset: Array("utf-8".utf8))
    }

    // MARK: Names

    /// What mail calls a charset, and what iconv calls the one that is meant: where mail says one and means its
    /// superset, the superset.
    private static let aliases: [(StaticString, StaticString)] = [
        ("shift_jis", "cp932"), ("shift-jis", "cp932"), ("sjis", "cp932"), ("x-sjis", "cp932"),
        ("ms_kanji", "cp932"),
        ("x-euc-jp", "euc-jp"), ("iso-2022-jp-ms", "iso-2022-jp-2"), ("csiso2022jp", "iso-2022-jp-2"),
        ("iso-2022-jp", "iso-2022-jp-2"),
        ("gb2312", "gb18030"), ("gb_2312-80", "gb18030"), ("euc-cn", "gb18030"), ("gbk", "gb18030"),
        ("x-gbk", "gb18030"),
        ("cp936", "gb18030"), ("windows-936", "gb18030"), ("x-euc-cn", "gb18030"),
        ("big5", "big5-hkscs"), ("x-big5", "big5-hkscs"), ("cn-big5", "big5-hkscs"),
        ("euc-kr", "cp949"), ("ks_c_5601-1987", "cp949"), ("ks_c_5601-1989", "cp949"), ("ksc5601", "cp949"),
        ("ksc_5601", "cp949"), ("korean", "cp949"), ("windows-949", "cp949"),
        ("iso-8859-8-i", "iso-8859-8"), ("iso-8859-8-e", "iso-8859-8"), ("iso-8859-6-i", "iso-8859-6"),
        ("iso-8859-6-e", "iso-8859-6"), ("logical", "iso-8859-8"), ("dos-874", "tis-620"),
        ("windows-874", "cp874"),
        ("unicode-1-1-utf-7", "utf-7"), ("unicode-1-1-utf-8", "utf-8"), ("x-unicode-2-0-utf-7", "utf-7"),
        ("unicode", "utf-16"), ("x-mac-roman", "macintosh"), ("x-mac-cyrillic", "mac-cyrillic"),
        ("ansi_x3.4-1968", "us-ascii"), ("x-user-defined", "windows-1252"),
    ]

    private static let aliasTable: [[UInt8]: [UInt8]] = {
        var table: [[UInt8]: [UInt8]] = [:]
        for (name, system) in SystemCharsets.aliases {
            table[name.withUTF8Buffer { Array($0) }] = system.withUTF8Buffer { Array($0) }
        }
        return table
    }()

    /// The name for iconv; `nil` for what cannot be a charset's: iconv gives `/` and `,` a meaning, and has names for
    /// what is inside it.
    private static func systemName(_ charset: [UInt8], _ octets: [UInt8]) -> [UInt8]? {
        let name = self.aliasTable[charset] ?? charset
        guard !name.isEmpty, name.count <= self.maximumName,
            name.allSatisfy({
                ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "+")
            }), !name.elementsEqual("internal".utf8), !name.elementsEqual("wchar_t".utf8),
            !name.elementsEqual("char".utf8)
        else { return nil }
        // Without a mark of its order this is big-endian (RFC 2781 section 4.3); iconv takes the machine's.
        if name.elementsEqual("utf-16".utf8), !Self.hasMark(octets) { return Array("utf-16be".utf8) }
        return name
    }

    private static func hasMark(_ octets: [UInt8]) -> Bool {
        octets.count >= 2 && (octets[0] == 0xFE && octets[1] == 0xFF || octets[0] == 0xFF && octets[1] == 0xFE)
    }

    /// Octets to pass over where nothing can be made of them.
    private static func unit(_ name: [UInt8]) -> Int {
        if name.starts(with: "utf-16".utf8) || name.starts(with: "ucs-2".utf8) { return 2 }
        return name.starts(with: "utf-32".utf8) || name.starts(with: "ucs-4".utf8) ? 4 : 1
    }

    // MARK: Descriptors

    private func take(_ name: [UInt8]) -> Conversion? {
        enum Found { case idle(Conversion), unknown, none }
        let found = self.state.withLock { state -> Found in
            if let idle = state.idle[name]?.popLast() { return .idle(idle) }
            return state.unknown.contains(name) ? .unknown : .none
        }
        switch found {
        case .idle(let conversion): return conversion
        case .unknown: return nil
        case .none: break
        }
        let handle = (name + [0]).withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { name in
                name.baseAddress.flatMap { iconv_open("UTF-8", $0) }
            }
        }
        guard let handle, Int(bitPattern: handle) != -1 else {
            self.state.withLock { state in
                if state.unknown.count >= Self.maximumUnknown { state.unknown.removeAll() }
                state.unknown.insert(name)
            }
            return nil
        }
        return Conversion(handle: handle)
    }

    private func put(_ conversion: Conversion, _ name: [UInt8]) {
        let isKept = self.state.withLock { state in
            if state.idle[name] == nil, state.idle.count >= Self.maximumNames { return false }
            guard state.idle[name, default: []].count < Self.maximumIdle else { return false }
            state.idle[name, default: []].append(conversion)
            return true
        }
        if !isKept { iconv_close(conversion.handle) }
    }

    // MARK: Conversion

    private static func run(_ handle: iconv_t, _ octets: [UInt8], unit: Int) -> [UInt8] {
        // Back to the initial state: the last text may have ended in another one.
        _ = iconv(handle, nil, nil, nil, nil)
        var out: [UInt8] = []
        out.reserveCapacity(octets.count + octets.count / 2)
        // A single octet of the widest tables makes a few scalars.
        let maximum = 64 + octets.count * 16
        var text = octets
        text.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { input in
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8192) { room in
                    self.run(handle, input, room, unit, maximum, &out)
                }
            }
        }
        return out
    }

    private static func run(
        _ handle: iconv_t, _ input: UnsafeMutableBufferPointer<CChar>, _ room: UnsafeMutableBufferPointer<CChar>,
        _ unit: Int, _ maximum: Int, _ out: inout [UInt8]
    ) {
        var next = input.baseAddress
        var left = input.count
        var isFlushing = input.isEmpty
        while out.count < maximum {
            var written = room.baseAddress
            var free = room.count
            let before = left
            let result =
                isFlushing
                ? iconv(handle, nil, nil, &written, &free) : iconv(handle, &next, &left, &written, &free)
            let failure = errno
            let produced = room.count - free
            out.append(contentsOf: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: room[..<produced])))
            if result != -1 {
                if isFlushing { return }
                isFlushing = true
                continue
            }
            if failure == E2BIG, !isFlushing, produced > 0 || left < before { continue }
            if isFlushing { return }
            out.append(contentsOf: [0xEF, 0xBF, 0xBD])
            // An unfinished sequence at the end, or one that has no meaning.
            guard failure == EILSEQ, left > unit, let position = next else { return }
            next = position + unit
            left -= unit
        }
    }
}
