import MailCore

/// One line of the auth protocol: `EscapedFields` ended by LF, at most 16384 octets.
package struct AuthLine: Hashable, Sendable {
    package static let maximumLength = 16384

    package var fields: [[UInt8]]

    package init(fields: [[UInt8]]) { self.fields = fields }

    /// Splits a line without its LF. Never fails: an unknown or cut escape yields the octet itself.
    package init(_ line: some Collection<UInt8>) { self.fields = EscapedFields.split(line) }

    /// Field `index` as text with invalid UTF-8 repaired; `nil` past the end.
    package func text(_ index: Int) -> String? {
        index < self.fields.count ? String(decoding: self.fields[index], as: UTF8.self) : nil
    }

    /// Field `index` as an unsigned decimal of 32 bits.
    package func number(_ index: Int) -> UInt32? {
        self.text(index).flatMap { UInt32($0) }
    }

    /// The fields from `start` on as `key=value` pairs; a bare key has an empty value. The first of a key wins.
    package func parameters(from start: Int) -> [String: String] {
        var found: [String: String] = [:]
        for field in self.fields.dropFirst(start) where !field.isEmpty {
            let equals = field.firstIndex(of: UInt8(ascii: "=")) ?? field.endIndex
            let key = String(decoding: field[..<equals], as: UTF8.self)
            if found[key] == nil {
                found[key] = String(decoding: field[equals...].dropFirst(), as: UTF8.self)
            }
        }
        return found
    }
}

/// Builds lines of the auth protocol in one buffer.
package struct AuthLineWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func begin(_ command: StaticString) { self.bytes.append(command) }

    package mutating func field(_ id: UInt32) {
        self.bytes.append(0x09)
        self.bytes.appendDecimal(UInt64(id))
    }

    package mutating func field(_ value: some Sequence<UInt8>) {
        self.bytes.append(0x09)
        self.escape(value)
    }

    package mutating func field(_ value: String) { self.field(value.utf8) }

    /// `key=value`; nothing when the value is `nil`.
    package mutating func field(_ key: String, _ value: String?) {
        guard let value else { return }
        self.field(key.utf8)
        self.bytes.append(UInt8(ascii: "="))
        self.escape(value.utf8)
    }

    package mutating func field(_ key: String, _ value: UInt32?) {
        guard let value else { return }
        self.field(key, String(value))
    }

    /// A field of dictionary entries in the order of their keys; an empty value makes a bare key.
    package mutating func fields(_ entries: [String: String], prefix: String = "") {
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
            if value.isEmpty { self.field(prefix + key) } else { self.field(prefix + key, value) }
        }
    }

    package mutating func end() { self.bytes.append(0x0A) }

    /// The buffer, which is empty afterwards.
    package mutating func take() -> [UInt8] {
        defer { self.bytes = [] }
        return self.bytes
    }

    private mutating func escape(_ value: some Sequence<UInt8>) { EscapedFields.append(value, to: &self.bytes) }
}

/// Cuts a byte stream into lines.
package struct AuthLineSplitter {
    private var held: [UInt8] = []

    package init() {}

    /// Calls `body` for each line that `chunk` completes; `false` when a line exceeds the limit.
    package mutating func feed(_ chunk: some Collection<UInt8>, _ body: (ArraySlice<UInt8>) -> Void) -> Bool {
        self.held.append(contentsOf: chunk)
        var start = 0
        while let end = self.held[start...].firstIndex(of: 0x0A) {
            guard end - start < AuthLine.maximumLength else { return false }
            body(self.held[start..<end])
            start = end + 1
        }
        if start > 0 { self.held.removeSubrange(..<start) }
        return self.held.count < AuthLine.maximumLength
    }
}
