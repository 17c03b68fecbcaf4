import Glibc
import MailCore

/// The name of a message's file, read in place:
/// `<seconds>.M<microseconds>P<pid>Q<n>.<host>,S=<size>,W=<wire size>:2,<letters>`.
///
/// The base name, everything before the first `:`, is the message's key. Any other octets are accepted there:
/// other programs write other forms.
struct MaildirFilename {
    /// The base name's length in octets.
    let baseLength: Int
    /// System flags among the letters.
    private(set) var flags: MessageFlags = []
    /// Bit n for letter `a` + n.
    private(set) var keywordLetters: UInt32 = 0
    /// Letters of no known meaning, such as `P` for passed; kept when flags change.
    private(set) var otherLetters: [UInt8] = []
    /// What follows the letters, from a second comma on; kept too.
    private(set) var trailer: [UInt8] = []

    init(_ name: UnsafeRawBufferPointer) {
        self.baseLength = Self.baseLength(name)
        let info = self.baseLength
        // Another info than `2,` has no flags; a rename replaces it.
        guard name.count >= info + 3, name[info + 1] == UInt8(ascii: "2"), name[info + 2] == UInt8(ascii: ",")
        else { return }
        var position = info + 3
        while position < name.count {
            let letter = name[position]
            if letter == UInt8(ascii: ",") {
                self.trailer = Array(name[position...])
                return
            }
            if let flag = Self.flag(letter) {
                self.flags.insert(flag)
            } else if letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "z") {
                self.keywordLetters |= 1 << UInt32(letter - UInt8(ascii: "a"))
            } else {
                self.otherLetters.append(letter)
            }
            position += 1
        }
    }

    static func baseLength(_ name: UnsafeRawBufferPointer) -> Int {
        guard let start = name.baseAddress, let hit = memchr(start, 0x3A, name.count) else {
            return name.count
        }
        return UnsafeRawPointer(hit) - start
    }

    private static func flag(_ letter: UInt8) -> MessageFlags? {
        switch letter {
        case UInt8(ascii: "D"): .draft
        case UInt8(ascii: "F"): .flagged
        case UInt8(ascii: "R"): .answered
        case UInt8(ascii: "S"): .seen
        case UInt8(ascii: "T"): .deleted
        default: nil
        }
    }

    /// `:2,` and the letters, sorted; `other` letters and the `trailer` are those to keep.
    static func info(
        _ flags: MessageFlags, keywordLetters: UInt32, other: [UInt8] = [], trailer: [UInt8] = []
    ) -> [UInt8] {
        var letters: [UInt8] = []
        if flags.contains(.draft) { letters.append(UInt8(ascii: "D")) }
        if flags.contains(.flagged) { letters.append(UInt8(ascii: "F")) }
        if flags.contains(.answered) { letters.append(UInt8(ascii: "R")) }
        if flags.contains(.seen) { letters.append(UInt8(ascii: "S")) }
        if flags.contains(.deleted) { letters.append(UInt8(ascii: "T")) }
        var bits = keywordLetters & 0x3FF_FFFF
        while bits != 0 {
            letters.append(UInt8(ascii: "a") + UInt8(truncatingIfNeeded: bits.trailingZeroBitCount))
            bits &= bits - 1
        }
        if !other.isEmpty {
            letters.append(contentsOf: other)
            letters.sort()
        }
        return [0x3A, 0x32, 0x2C] + letters + trailer
    }

    /// The value behind `,<key>=` in a base name; `nil` when there is none or it is no number.
    static func size(_ key: UInt8, in base: UnsafeRawBufferPointer) -> UInt64? {
        var position = 0
        while position + 2 < base.count {
            guard base[position] == UInt8(ascii: ","), base[position + 1] == key,
                base[position + 2] == UInt8(ascii: "=")
            else {
                position += 1
                continue
            }
            var reader = DecimalReader(base, position + 3)
            guard let value = reader.next() else { return nil }
            return reader.offset == base.count || base[reader.offset] == UInt8(ascii: ",") ? value : nil
        }
        return nil
    }

    /// The size that the last name of a path tells (`S=`), that of the message when it is not compressed.
    static func toldSize(ofPath path: UnsafeRawBufferPointer) -> UInt64? {
        let start = path.lastIndex(of: 0x2F).map { $0 + 1 } ?? 0
        let name = UnsafeRawBufferPointer(rebasing: path[start...])
        return self.size(UInt8(ascii: "S"), in: UnsafeRawBufferPointer(rebasing: name[..<self.baseLength(name)]))
    }

    /// Whether `name` can be one directory entry: not empty, no `/` or NUL, not `.` or `..`, at most 255 octets.
    static func isEntryName(_ name: some Collection<UInt8>) -> Bool {
        guard !name.isEmpty, name.count <= 255, !name.contains(0x2F), !name.contains(0) else { return false }
        return !(name.count <= 2 && name.allSatisfy { $0 == 0x2E })
    }
}

/// Unsigned decimal numbers in a run of octets.
struct DecimalReader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int

    init(_ bytes: UnsafeRawBufferPointer, _ offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Reads digits; `nil` when there are none or the value is beyond 64 bits.
    mutating func next() -> UInt64? {
        var value: UInt64 = 0
        let start = self.offset
        while self.offset < self.bytes.count, ASCII.isDigit(self.bytes[self.offset]) {
            let (product, high) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(self.bytes[self.offset] - 0x30))
            if high || carry { return nil }
            value = sum
            self.offset += 1
        }
        return self.offset > start ? value : nil
    }

    /// Steps over `byte`.
    mutating func skip(_ byte: UInt8) -> Bool {
        guard self.offset < self.bytes.count, self.bytes[self.offset] == byte else { return false }
        self.offset += 1
        return true
    }
}

/// When a file was delivered, by its name: new messages get their UIDs in this order.
struct DeliveryTime: Comparable {
    var seconds: UInt64 = 0
    var microseconds: UInt64 = 0

    init(_ base: UnsafeRawBufferPointer) {
        var reader = DecimalReader(base)
        guard let seconds = reader.next(), reader.skip(UInt8(ascii: ".")) else { return }
        self.seconds = seconds
        guard reader.skip(UInt8(ascii: "M")) else { return }
        self.microseconds = reader.next() ?? 0
    }

    static func < (a: DeliveryTime, b: DeliveryTime) -> Bool {
        (a.seconds, a.microseconds) < (b.seconds, b.microseconds)
    }
}
