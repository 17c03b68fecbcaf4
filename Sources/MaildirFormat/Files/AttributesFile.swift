import IndexedStore
import MailCore

/// `dovecot-attributes` in memory: what Dovecot's file dictionary keeps of mailbox attributes.
///
/// A line with a key, then a line with its value, and so on; octets that would break a line are escaped. Keys are
/// `priv/<mailbox guid>/<name>` and `shared/<mailbox guid>/<name>`. Others stay as they are.
struct AttributesFile: Equatable {
    private var values: [[UInt8]: [UInt8]] = [:]
    /// In the order of the file.
    private var keys: [[UInt8]] = []

    /// An empty file.
    init() {}

    /// Reads a file. A key without its value, at a torn end, is passed over; of a key that is there twice the last
    /// value counts.
    init(_ text: [UInt8]) {
        var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)[...]
        while let key = lines.popFirst(), let value = lines.popFirst() {
            let (name, octets) = (EscapedFields.unescaped(key), EscapedFields.unescaped(value))
            if name.isEmpty, octets.isEmpty { continue }
            self.set(name, octets)
        }
    }

    /// The attributes of mailboxes, in the order of the file.
    var attributes: [StoredAttribute] {
        self.keys.compactMap { key in
            let parts = key.split(separator: 0x2F, maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[1].count == 32, parts[1].allSatisfy({ ASCII.hexValue($0) != nil }),
                !parts[2].isEmpty, let value = self.values[key],
                let name = String(validating: parts[2], as: UTF8.self)
            else { return nil }
            let isShared = parts[0].elementsEqual("shared".utf8)
            guard isShared || parts[0].elementsEqual("priv".utf8) else { return nil }
            return StoredAttribute(
                guid: String(decoding: parts[1], as: UTF8.self), isShared: isShared, name: name, value: value)
        }
    }

    var isEmpty: Bool { self.keys.isEmpty }

    mutating func change(_ attribute: StoredAttribute) {
        let text = "\(attribute.isShared ? "shared" : "priv")/\(attribute.guid)/\(attribute.name)"
        self.set(Array(text.utf8), attribute.value)
    }

    /// Removes all attributes of a mailbox.
    mutating func remove(_ guid: String) {
        let prefixes = [Array("priv/\(guid)/".utf8), Array("shared/\(guid)/".utf8)]
        for key in self.keys where prefixes.contains(where: { key.starts(with: $0) }) { self.values[key] = nil }
        self.keys.removeAll { self.values[$0] == nil }
    }

    private mutating func set(_ key: [UInt8], _ value: [UInt8]?) {
        if self.values.updateValue(value ?? [], forKey: key) == nil { self.keys.append(key) }
        guard value == nil else { return }
        self.values[key] = nil
        self.keys.removeAll { $0 == key }
    }

    func encoded() -> [UInt8] {
        var out: [UInt8] = []
        for key in self.keys {
            EscapedFields.append(key, to: &out)
            out.append(0x0A)
            EscapedFields.append(self.values[key] ?? [], to: &out)
            out.append(0x0A)
        }
        return out
    }
}
